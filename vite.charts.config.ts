import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Writes the licenses of what is bundled next to the bundle. */
const licenses: Plugin = {
  name: 'licenses',
  generateBundle() {
    const files = ['echarts/LICENSE', 'echarts/NOTICE', 'zrender/LICENSE', 'tslib/LICENSE.txt'];
    const texts = files.map((file) => `${file}\n\n${readFileSync(path(`node_modules/${file}`), 'utf8')}`);
    this.emitFile({
      type: 'asset',
      fileName: 'echarts.LICENSE.txt',
      source: texts.join(`\n${'-'.repeat(80)}\n\n`),
    });
  },
};

/** Bundles what the charts of reports use of echarts, in place of the module that tsc wrote. */
export default defineConfig({
  logLevel: 'error',
  define: { 'process.env.NODE_ENV': '"production"' },
  plugins: [licenses],
  build: {
    lib: { entry: path('src/report/html/charts/echarts.ts'), formats: ['es'], fileName: () => 'echarts.js' },
    outDir: path('dist/report/html/charts'),
    emptyOutDir: false,
    target: 'es2022',
    minify: true,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        minify: true,
        banner: '/*! see echarts.LICENSE.txt for the licenses of the code in this file */',
      },
    },
  },
});
