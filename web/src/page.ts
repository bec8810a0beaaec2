import type { Component } from 'svelte';

/** A page of the application, as its file gives it. */
export type Page = { default: Component<Record<string, never>> };
