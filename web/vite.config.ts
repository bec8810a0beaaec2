import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { minify } from 'terser';
import { defineConfig, type Plugin } from 'vite';
import { coded } from './vite.coded.ts';

const source = fileURLToPath(new URL('./src', import.meta.url));
const dist = fileURLToPath(new URL('./dist', import.meta.url));

/** Most script that opening and playing a replay may cost, in bytes gzipped. Data is dear where this is used. */
const WATCH_PAGE_LIMIT = 50_000;

/** What every page loads. */
const BASE =
  /vite\/preload-helper|node_modules\/svelte(?!.*bindings\/input)|sdk\/dist\/(client|problem|session|signal|uuid)\.js|src\/(App\.svelte|(pages|client|format|kept|told|top)\.ts|router|i18n\/(locale|counted)|parts\/(Header|Avatar|Icon)\.)/;
/** What is fetched late needs nothing beside it: neither styles nor other scripts that would have to be named in what is here. */
function plainImports(): Plugin {
  return {
    name: 'plain-imports',
    transform: (_code, id) =>
      id.includes('vite/preload-helper') ? 'export const __vitePreload = (load) => load();' : null,
  };
}

/** Makes the scripts smaller once more, by a sixtieth: terser finds what the bundler leaves. */
function smaller(): Plugin {
  return {
    name: 'smaller',
    enforce: 'post',
    async closeBundle() {
      const folder = `${dist}/assets`;
      for (const name of readdirSync(folder)) {
        if (!name.endsWith('.js')) continue;
        const { code } = await minify(readFileSync(`${folder}/${name}`, 'utf8'), {
          ecma: 2020,
          module: true,
          compress: { passes: 3 },
        });
        if (code) writeFileSync(`${folder}/${name}`, code);
      }
    },
  };
}

/** Adds up what the watch page loads, as it was written, says it, and fails the build above the limit. */
function watchPageBudget(): Plugin {
  const files = new Set<string>();
  return {
    name: 'watch-page-budget',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const visit = (file: string): void => {
        const chunk = bundle[file];
        if (chunk?.type !== 'chunk' || files.has(file)) return;
        files.add(file);
        for (const imported of chunk.imports) visit(imported);
      };
      for (const [file, chunk] of Object.entries(bundle)) {
        if (chunk.type !== 'chunk') continue;
        const words = /i18n\/fr\.ts$/.test(chunk.facadeModuleId ?? '');
        if (chunk.isEntry || words || /pages\/Watch\.svelte$/.test(chunk.facadeModuleId ?? '')) visit(file);
      }
    },
    closeBundle() {
      const sizes = [...files].map((file) => gzipSync(readFileSync(`${dist}/${file}`), { level: 9 }).length);
      const total = sizes.reduce((sum, size) => sum + size, 0);
      const text = `watch page: ${total} bytes of script gzipped, in ${sizes.length} files`;
      if (total > WATCH_PAGE_LIMIT) this.error(`${text}: over the limit of ${WATCH_PAGE_LIMIT}`);
      console.info(`\n${text} (limit ${WATCH_PAGE_LIMIT})`);
    },
  };
}

/**
 * The page of a live, `live.fr.html` and `live.en.html`: it names in its head all that it loads, its words too, so that a browser
 * asks for all of it at once. The server sends them at `/live/ID`.
 */
function livePages(): Plugin {
  const scripts = { fr: new Set<string>(), en: new Set<string>() };
  return {
    name: 'live-pages',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const visit = (file: string, seen: Set<string>): void => {
        const chunk = bundle[file];
        if (chunk?.type !== 'chunk' || seen.has(file)) return;
        seen.add(file);
        for (const imported of chunk.imports) visit(imported, seen);
      };
      for (const chunk of Object.values(bundle)) {
        const from = (chunk.type === 'chunk' && chunk.facadeModuleId) || '';
        for (const language of ['fr', 'en'] as const)
          if (/pages\/Watch\.svelte$/.test(from) || from.endsWith(`/i18n/${language}.ts`))
            visit(chunk.fileName, scripts[language]);
      }
    },
    closeBundle() {
      const page = readFileSync(`${dist}/index.html`, 'utf8').replace(/\n\s*/g, '\n');
      const first = readFileSync(`${source}/first.css`, 'utf8')
        .replace(/\/\*.*?\*\//gs, '')
        .replace(/\s+/g, ' ')
        .replace(/ ?([{};,]) ?/g, '$1')
        .trim();
      const hash = `sha256-${createHash('sha256').update(first).digest('base64')}`;
      // What is seen first has its own few styles, and waits for no others.
      const sheet = /<link rel="stylesheet"[^>]*>\n?/;
      const others = sheet.exec(page)?.[0] ?? this.error('the page has no styles');
      for (const language of ['fr', 'en'] as const) {
        // The largest first: what a browser asks for next waits for one of its few connections.
        const modules = [...scripts[language]]
          .filter((file) => !page.includes(`"/${file}"`))
          .sort((a, b) => statSync(`${dist}/${b}`).size - statSync(`${dist}/${a}`).size)
          .map((file) => `<link rel="modulepreload" crossorigin href="/${file}">`);
        const early = others.trim().replace('rel="stylesheet"', 'rel="preload" as="style"');
        const head = `<style data-hash="${hash}">${first}</style>${early}${modules.join('')}<script`;
        const live = page
          .replace('lang="fr"', `lang="${language}"`)
          .replace(sheet, '')
          .replace('<script', head)
          .replace('</body>', `${others}</body>`);
        writeFileSync(`${dist}/live.${language}.html`, live);
      }
    },
  };
}

/** The list of all that the application is made of, for whoever keeps it on their device (`src/packs.ts`). */
function parts(): Plugin {
  return {
    name: 'parts',
    enforce: 'post',
    closeBundle() {
      const assets = readdirSync(`${dist}/assets`).filter((name) => /\.(js|css)$/.test(name));
      const all = ['/icon.svg', '/manifest.webmanifest', ...assets.map((name) => `/assets/${name}`)];
      writeFileSync(`${dist}/parts.json`, JSON.stringify(all));
    },
  };
}

export default defineConfig({
  plugins: [svelte(), plainImports(), smaller(), watchPageBudget(), livePages(), parts(), coded(dist)],
  experimental: {
    // Scripts and styles find one another wherever the server stands; what the page names first the server puts there.
    renderBuiltUrl: (_file, { hostType }) => (hostType === 'html' ? undefined : { relative: true }),
  },
  build: {
    target: 'es2022',
    // The content security policy allows no data: addresses in style or script.
    assetsInlineLimit: 0,
    // One file of styles, and nothing to find out before a part is fetched: what does that weighs more than it spares.
    cssCodeSplit: false,
    modulePreload: false,
    rolldownOptions: {
      // What no page uses of Svelte is left out: its parts for custom elements and for old components.
      treeshake: { moduleSideEffects: [{ test: /svelte\/src\/internal\/client\//, sideEffects: false }] },
      output: {
        // What loads late is named in what loads first: short names there, and words where somebody looks for them.
        chunkFileNames: ({ name }) =>
          /^(base|watch|Watch|fr|en)$/.test(name) ? 'assets/[name]-[hash].js' : 'assets/[hash:6].js',
        assetFileNames: ({ names }) =>
          /^(base|watch)\./.test(names[0] ?? '')
            ? 'assets/[name]-[hash][extname]'
            : 'assets/[hash:6][extname]',
        codeSplitting: {
          includeDependenciesRecursively: false,
          // What a page loads anyway compresses better in one piece.
          groups: [
            { name: 'base', test: BASE },
            {
              name: 'watch',
              test: /sdk\/dist\/player\/(?!bare|tails|piping|pipeline|feed\.|carrier|sink|keeper|edge|follower|attention|stuck|missing|start)|src\/(pages\/Watch|keys|network|cap|parts\/(Stage|SeekBar|stage\/(Controls|Says)|watch\/About))\b/,
            },
          ],
        },
      },
    },
  },
});
