// Somebody else's app on an origin of its own: its pages, built or as they are, and its back end that knows who its visitor is.

import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = fileURLToPath(new URL('../..', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' };

export class App {
  /** What `/token` answers, told how often it was asked before. */
  token = () => '';
  asked = 0;
  /** Pages by their paths, beside those of the folder. */
  pages = new Map();
  #folder = null;
  #made = [];
  #words = [];

  static async open() {
    const app = new App();
    app.server = createServer((request, response) => app.#answer(request, response));
    app.server.listen(0, '127.0.0.1');
    await once(app.server, 'listening');
    app.origin = `http://127.0.0.1:${app.server.address().port}`;
    return app;
  }

  /** Serves one of `examples/`; with `isBuilt` as a bundler makes it. What stands for the server and the live becomes theirs. */
  async show(example, { server, live, isBuilt }) {
    this.#words = [
      [/https:\/\/live\.example/g, server],
      [/(live-id="|postId=\{|liveId[=:] ?\{?)7\b/g, `$1${live}`],
      [/\b((?:liveId|postId)"?: ?)7\b/g, `$1${live}`],
    ];
    const source = path.join(root, 'examples', example);
    this.#folder = source;
    if (!isBuilt) return;
    const outDir = mkdtempSync(path.join(tmpdir(), 'communiconnect-app-'));
    this.#made.push(outDir);
    const config = path.join(source, 'vite.config.ts');
    await build({
      root: source,
      configFile: existsSync(config) && config,
      logLevel: 'error',
      define: { 'process.env.NODE_ENV': '"production"' },
      plugins: [{ name: 'place', enforce: 'pre', transform: (code, id) => (id.startsWith(source) ? this.#placed(code) : null) }],
      build: { outDir, emptyOutDir: true, target: 'es2022' },
    });
    this.#folder = outDir;
  }

  /** Serves a page of this markup at `/`. */
  page(body, head = '') {
    this.pages.set('/', `<!doctype html><html lang="fr"><head><meta charset="utf-8">${head}</head><body>${body}</body></html>`);
  }

  async close() {
    this.server.close();
    this.server.closeAllConnections();
    for (const folder of this.#made) rmSync(folder, { recursive: true, force: true });
  }

  #placed(text) {
    return this.#words.reduce((placed, [from, to]) => placed.replace(from, to), text);
  }

  #answer(request, response) {
    const { pathname } = new URL(request.url, this.origin);
    if (pathname === '/token') {
      const token = this.token(this.asked);
      this.asked += 1;
      response.end(token);
      return;
    }
    if (pathname === '/favicon.ico') {
      response.statusCode = 204;
      response.end();
      return;
    }
    const name = pathname === '/' ? '/index.html' : pathname;
    try {
      const text = this.pages.get(pathname) ?? this.#placed(readFileSync(path.join(this.#folder, name), 'utf8'));
      response.setHeader('Content-Type', TYPES[path.extname(name)] ?? 'text/plain');
      response.end(text);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  }
}

/** Notes the events that the elements of a page tell, from the outside. Runs in the page before its own scripts. */
export function noteEvents() {
  globalThis.told = [];
  for (const name of ['live-started', 'live-ended', 'live-deleted', 'message', 'position', 'error', 'token-needed'])
    document.addEventListener(
      name,
      ({ target, detail }) => {
        if (target.localName?.startsWith('communiconnect-'))
          globalThis.told.push({ element: target.localName, name, detail: JSON.parse(JSON.stringify(detail)) });
      },
      true,
    );
}
