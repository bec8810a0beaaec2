import type { Component } from 'svelte';
import type { Page } from './page';

type WatchPage = { default: Component<{ id: number }> };

/** The id of the live whose page a path is; null for every other page. */
export function watched(path: string): number | null {
  const id = /^\/live\/(\d+)\/?$/.exec(path)?.[1];
  return id === undefined ? null : Number(id);
}

/** The page at a path without a final slash that is not a live's. */
export function load(path: string): Promise<Page> {
  switch (path) {
    case '/':
      return import('./pages/Home.svelte');
    case '/login':
    case '/register':
      return import('./pages/Account.svelte');
    case '/studio':
      return import('./pages/Studio.svelte');
    default:
      return import('./pages/others').then((others) => others.load(path));
  }
}

export function loadWatch(): Promise<WatchPage> {
  return import('./pages/Watch.svelte');
}

/** Begins to fetch the page at a path, beside what else has to be there before it is shown. */
export async function fetchEarly(path: string): Promise<void> {
  const page: Promise<unknown> = watched(path) === null ? load(path.replace(/\/+$/, '') || '/') : loadWatch();
  // Whoever shows it asks again, and says what went wrong.
  await page.catch(() => undefined);
}
