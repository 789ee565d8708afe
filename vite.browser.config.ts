import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Bundles what runs in browsers into dist/browser, without the parts that need Node. Packages stay imports. */
export default defineConfig({
  logLevel: 'error',
  resolve: {
    alias: [
      { find: /^.*\/tensorflow\/index\.ts$/, replacement: path('src/page/browser/tensorflow.ts') },
      { find: 'node:timers/promises', replacement: path('src/page/browser/timers.ts') },
      { find: 'node:crypto', replacement: path('src/page/browser/crypto.ts') },
    ],
  },
  build: {
    lib: {
      entry: {
        index: path('src/api/browser.ts'),
        lora: path('src/api/lora.ts'),
        'peft-files': path('src/api/peft-files.ts'),
      },
      formats: ['es'],
    },
    outDir: path('dist/browser'),
    emptyOutDir: true,
    target: 'es2022',
    minify: false,
    reportCompressedSize: false,
    rolldownOptions: {
      external: (id) => /^@?[a-z]/.test(id) && !/^(node:|@noble)/.test(id),
      // What only the compiled engines use of native TensorFlow.
      shimMissingExports: true,
      // Modules that nothing uses are left out, with what they import from Node.
      treeshake: {
        // They register kernels, gradients and layer classes.
        moduleSideEffects: (id) => /\/src\/(kernels\/index|lora\/layers\/register)\.ts$/.test(id),
      },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' },
    },
  },
});
