import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { coded } from './vite.coded.ts';

const pages = fileURLToPath(new URL('./embed', import.meta.url));
const dist = fileURLToPath(new URL('./dist/embed', import.meta.url));

/** Puts the pages of `embed/` beside the script, with its integrity in the lines that others paste. */
function embedPages(): Plugin {
  return {
    name: 'embed-pages',
    generateBundle(_options, bundle) {
      const script = bundle['communiconnect-live.js'];
      if (script?.type !== 'chunk') throw new Error('the elements were not built');
      const integrity = `sha384-${createHash('sha384').update(script.code).digest('base64')}`;
      for (const fileName of readdirSync(pages)) {
        const source = readFileSync(`${pages}/${fileName}`, 'utf8').replaceAll('{{integrity}}', integrity);
        this.emitFile({ type: 'asset', fileName, source });
      }
    },
  };
}

/** The custom elements in one file with a lasting name, for other people's pages: `/embed/communiconnect-live.js`. */
export default defineConfig({
  publicDir: false,
  plugins: [embedPages(), coded(dist)],
  build: {
    target: 'es2022',
    outDir: 'dist/embed',
    // What is loaded late elsewhere too: one file is all that another page has to name.
    rolldownOptions: { output: { codeSplitting: false } },
    lib: {
      entry: '../sdk/src/elements/register.ts',
      formats: ['es'],
      fileName: () => 'communiconnect-live.js',
    },
  },
});
