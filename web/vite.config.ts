import { gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

/** Most script that opening and playing a replay may cost, in bytes gzipped. Data is dear where this is used. */
const WATCH_PAGE_LIMIT = 50_000;

/** Adds up what the watch page loads, says it, and fails the build above the limit. */
function watchPageBudget(): Plugin {
  return {
    name: 'watch-page-budget',
    // After what the build adds at last.
    enforce: 'post',
    generateBundle(_options, bundle) {
      const sizes = new Map<string, number>();
      const visit = (file: string): void => {
        const chunk = bundle[file];
        if (chunk?.type !== 'chunk' || sizes.has(file)) return;
        sizes.set(file, gzipSync(chunk.code, { level: 9 }).length);
        for (const imported of chunk.imports) visit(imported);
      };
      for (const [file, chunk] of Object.entries(bundle)) {
        if (chunk.type !== 'chunk') continue;
        const words = /i18n\/fr\.ts$/.test(chunk.facadeModuleId ?? '');
        if (chunk.isEntry || words || /pages\/Watch\.svelte$/.test(chunk.facadeModuleId ?? '')) visit(file);
      }
      const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
      const text = `watch page: ${total} bytes of script gzipped, in ${sizes.size} files`;
      if (total > WATCH_PAGE_LIMIT) this.error(`${text}: over the limit of ${WATCH_PAGE_LIMIT}`);
      console.info(`\n${text} (limit ${WATCH_PAGE_LIMIT})`);
    },
  };
}

export default defineConfig({
  plugins: [svelte(), watchPageBudget()],
  experimental: {
    // Scripts and styles find one another wherever the server stands; what the page names first the server puts there.
    renderBuiltUrl: (_file, { hostType }) => (hostType === 'html' ? undefined : { relative: true }),
  },
  build: {
    target: 'es2022',
    // The content security policy allows no data: addresses in style or script.
    assetsInlineLimit: 0,
    modulePreload: {
      polyfill: false,
      // Whoever loads more has the base already.
      resolveDependencies: (_url, files) => files.filter((file) => !/\/base-/.test(file)),
    },
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
            {
              name: 'base',
              test: /vite\/preload-helper|node_modules\/svelte(?!.*bindings\/input)|sdk\/dist\/(client|problem|session|signal|uuid)\.js|src\/(App\.svelte|(pages|client|format|kept|top)\.ts|router|i18n\/(locale|counted)|parts\/(Header|Avatar|Icon)\.)/,
            },
            {
              name: 'watch',
              test: /sdk\/dist\/player\/(?!tails|piping|pipeline|feed\.|carrier|sink|keeper|edge|follower|attention|stuck|missing)|src\/(pages\/Watch|keys|parts\/(Stage|SeekBar|stage\/(Controls|Says)|watch\/About))\b/,
            },
          ],
        },
      },
    },
  },
});
