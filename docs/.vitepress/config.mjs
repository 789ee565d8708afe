import { defineConfig } from 'vitepress';
import { anchorOf, imagesOfBothThemes, indentedCode, linksToRepository, unbrokenCode } from './markdown.mjs';
import { sidebar } from './sidebar.mjs';

export default defineConfig({
  title: 'tfjs-lora',
  description: 'LoRA for TensorFlow.js in Node and in the browser',
  lang: 'en',
  outDir: '../site',
  cacheDir: '../node_modules/.cache/vitepress',
  // Reports of the public API and JSON Schemas are not pages.
  srcExclude: ['api/**', 'schemas/**'],
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  transformPageData(page) {
    // Without the outline, the live demo has room for two columns.
    if (page.relativePath === 'browser.md') page.frontmatter.aside = false;
  },
  markdown: {
    anchor: { slugify: anchorOf },
    config(md) {
      md.use(linksToRepository);
      md.use(imagesOfBothThemes);
      md.use(indentedCode);
      md.use(unbrokenCode);
    },
  },
  vite: { build: { chunkSizeWarningLimit: 2000 } }, // the search index
  themeConfig: {
    nav: [
      { text: 'Walk-through', link: '/walk-through' },
      { text: 'Command line', link: '/command-line' },
      { text: 'API', link: '/api' },
      { text: 'Live demo', link: '/browser' },
    ],
    sidebar,
    outline: [2, 3],
    search: { provider: 'local' },
  },
});
