import { defineConfig } from 'vite';

/** The custom elements in one file with a lasting name, for other people's pages: `/embed/communiconnect-live.js`. */
export default defineConfig({
  publicDir: false,
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
