import { defineConfig } from 'vite';

/** The custom elements in one file with a lasting name, for other people's pages: `/embed/communiconnect-live.js`. */
export default defineConfig({
  publicDir: false,
  build: {
    target: 'es2022',
    outDir: 'dist/embed',
    lib: {
      entry: '../sdk/src/elements/register.ts',
      formats: ['es'],
      fileName: () => 'communiconnect-live.js',
    },
  },
});
