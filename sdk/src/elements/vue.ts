// The elements in Vue's templates: `import '@communiconnect/live/vue';` beside `import '@communiconnect/live/elements';`, and
// `isCustomElement: (tag) => tag.startsWith('communiconnect-')` in the compiler's options.

import type { DefineComponent } from 'vue';
import type { Elements } from './markup.js';

type Capital<K extends string> = K extends `${infer A}-${infer B}`
  ? `${Capitalize<A>}${Capital<B>}`
  : Capitalize<K>;

/** Vue takes a listener as a property of its name with `on` before it. */
type Listeners<Events> = {
  [K in keyof Events & string as `on${Capital<K>}`]?: (event: Events[K]) => void;
};

type Props<K extends keyof Elements> = DefineComponent<
  Elements[K]['attributes'] & Listeners<Elements[K]['events']>
>;

declare module 'vue' {
  interface GlobalComponents {
    CommuniconnectLive: Props<'communiconnect-live'>;
    CommuniconnectChat: Props<'communiconnect-chat'>;
    CommuniconnectStudio: Props<'communiconnect-studio'>;
  }
}
