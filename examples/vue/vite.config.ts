import { defineConfig } from 'vite';

export default defineConfig({
  // The template is compiled in the browser: a plugin for single-file components would do it before.
  resolve: { alias: { vue: 'vue/dist/vue.esm-bundler.js' } },
  define: { __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' },
});
