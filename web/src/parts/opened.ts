/** What opens above the messages, in one piece. */
export { default as ChatSearch } from './ChatSearch.svelte';
export { default as Here } from './Here.svelte';
