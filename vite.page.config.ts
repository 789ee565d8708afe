import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
/** Files whose import changes something else: they register kernels, gradients, layer classes and backends. */
const withSideEffects =
  /\/src\/(kernels\/index\.ts|lora\/layers\/register\.ts|page\/)|\/@tensorflow\/|\.css$|\.html$|preload|worker_file/;

const rolldownOptions = {
  treeshake: {
    moduleSideEffects: (id: string) => withSideEffects.test(id),
  },
  // Rooms export more than the page uses; what imports these exports is removed with them.
  shimMissingExports: true,
};

/** Gives the library's import of re2js the page's place holder; the page itself imports the real one. */
const lazyExpressions = {
  name: 'lazy-expressions',
  enforce: 'pre' as const,
  resolveId: (id: string, importer: string | undefined) =>
    id === 're2js' && importer?.includes('/src/patterns/') ? path('src/page/browser/re2js.ts') : undefined,
};

/** Bundles the page of `play` into dist/page. */
export default defineConfig({
  root: path('src/page'),
  base: './',
  logLevel: 'error',
  plugins: [lazyExpressions],
  resolve: {
    alias: [
      { find: /^@tensorflow\/tfjs$/, replacement: path('src/page/browser/tfjs.ts') },
      { find: /^.*\/tensorflow\/index\.ts$/, replacement: path('src/page/browser/tensorflow.ts') },
      { find: /^ml-matrix$/, replacement: path('src/page/browser/ml-matrix.ts') },
      { find: 'node:timers/promises', replacement: path('src/page/browser/timers.ts') },
    ],
  },
  esbuild: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: path('dist/page'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
    rolldownOptions,
  },
  worker: {
    format: 'es',
    plugins: () => [lazyExpressions],
    rolldownOptions,
  },
});
