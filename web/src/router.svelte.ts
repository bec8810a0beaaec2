import { top } from './top';

const here = () => location.pathname.slice(top.length) || '/';

/** Where the visitor is on this site: the path and query of the address, kept in step with the browser's history. */
class Router {
  path = $state(here());
  query = $state(location.search);
  /** Asked before leaving a page; false keeps the visitor there. */
  guard: (() => boolean) | null = null;

  constructor() {
    addEventListener('popstate', () => this.#read());
    addEventListener('click', (event) => this.#onClick(event));
  }

  go(href: string, replace = false): void {
    if (this.guard && !this.guard()) return;
    if (replace) history.replaceState(null, '', top + href);
    else history.pushState(null, '', top + href);
    this.#read();
    scrollTo(0, 0);
  }

  #read(): void {
    this.path = here();
    this.query = location.search;
  }

  #onClick(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey)
      return;
    const link = (event.target as Element | null)?.closest?.('a[href]');
    const href = link?.getAttribute('href');
    if (!href?.startsWith(`${top}/`) || href.startsWith(`${top}/api/`) || link?.hasAttribute('download'))
      return;
    if (link?.getAttribute('target') === '_blank') return;
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
