import { top } from './top';

/** Where the visitor is on this site: the path and query of the address, kept in step with the browser's history. */
class Router {
  path = $state('');
  query = $state('');
  /** Asked before leaving a page; false keeps the visitor there. */
  guard: (() => boolean) | null = null;

  constructor() {
    this.#read();
    addEventListener('popstate', () => this.#read());
    addEventListener('click', (event) => this.#onClick(event));
  }

  go(href: string, replace = false): void {
    if (this.guard && !this.guard()) return;
    history[replace ? 'replaceState' : 'pushState'](null, '', top + href);
    this.#read();
    scrollTo(0, 0);
  }

  #read(): void {
    this.path = location.pathname.slice(top.length) || '/';
    this.query = location.search;
  }

  #onClick(event: MouseEvent): void {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = (event.target as Element | null)?.closest?.('a:not([download], [target="_blank"])');
    const href = link?.getAttribute('href');
    if (!href?.startsWith(`${top}/`) || href.startsWith(`${top}/api/`)) return;
    event.preventDefault();
    this.go(href.slice(top.length));
  }
}

export const router = new Router();

/** Only paths of this site: what comes in `?next=` may be anything. */
export function safeNext(query: string): string {
  const next = new URLSearchParams(query).get('next') ?? '/';
  return /^\/(?![/\\])/.test(next) ? next : '/';
}
