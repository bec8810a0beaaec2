// The elements in React's JSX: `import '@communiconnect/live/react';` beside `import '@communiconnect/live/elements';`.

import type { DetailedHTMLProps, HTMLAttributes } from 'react';
import type { Elements } from './markup.js';

/** React 19 listens to an element's own event by a property of its name with `on` before it. */
type Listeners<Events> = { [K in keyof Events & string as `on${K}`]?: (event: Events[K]) => void };

type Props<K extends keyof Elements> = DetailedHTMLProps<
  HTMLAttributes<Elements[K]['class']>,
  Elements[K]['class']
> &
  Elements[K]['attributes'] &
  Listeners<Elements[K]['events']>;

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'communiconnect-live': Props<'communiconnect-live'>;
      'communiconnect-chat': Props<'communiconnect-chat'>;
      'communiconnect-studio': Props<'communiconnect-studio'>;
    }
  }
}
