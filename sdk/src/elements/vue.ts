// The elements in Vue's templates: `import '@communiconnect/live/vue';` beside `import '@communiconnect/live/elements';`, and
// `isCustomElement: (tag) => tag.startsWith('communiconnect-')` in the compiler's options.

import type { DefineComponent, HTMLAttributes } from 'vue';
import type { Elements } from './markup.js';

type Capital<K extends string> = K extends `${infer A}-${infer B}`
  ? `${Capitalize<A>}${Capital<B>}`
  : Capitalize<K>;

/** Vue takes a listener as a property of its name with `on` before it. */
type Listeners<Events> = {
  [K in keyof Events & string as `on${Capital<K>}`]?: (event: Events[K]) => void;
};

/** A template's `live-id` is checked as `liveId`. */
type Camel<K extends string> = K extends `${infer A}-${infer B}` ? `${A}${Capital<B>}` : K;
type Attributes<A> = { [K in keyof A as K extends string ? Camel<K> : never]: A[K] };

type Own<K extends keyof Elements> = Attributes<Elements[K]['attributes']> & Listeners<Elements[K]['events']>;
/** What it has of its own, and what every element has. */
type Props<K extends keyof Elements> = DefineComponent<Own<K> & Omit<HTMLAttributes, keyof Own<K>>>;

declare module 'vue' {
  interface GlobalComponents {
    CommuniconnectLive: Props<'communiconnect-live'>;
    CommuniconnectChat: Props<'communiconnect-chat'>;
    CommuniconnectStudio: Props<'communiconnect-studio'>;
  }
}
