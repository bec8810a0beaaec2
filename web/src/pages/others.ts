import type { Page } from '../page';

/** The page at a path that few visit; every page would have to name them otherwise. */
export function load(path: string): Promise<Page> {
  if (path === '/admin') return import('./Admin.svelte');
  if (path === '/me') return import('./Mine.svelte');
  if (path === '/kept') return import('./Kept.svelte');
  if (path === '/profile') return import('./Profile.svelte');
  if (/^\/people\/\d+$/.test(path)) return import('./Person.svelte');
  return import('./NotFound.svelte');
}
