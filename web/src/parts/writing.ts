/** What only those need who write: one thing to load, so that what waits is shown without the network too. */
export { default as Composer } from './Composer.svelte';
export { default as Outgoing } from './Outgoing.svelte';
