import { readdirSync } from 'node:fs';

/** Entry points of the package, each with a page that `npm run docs` writes. */
const entryPoints = readdirSync(new URL('../../src/api/', import.meta.url))
  .map((file) => file.replace(/\.ts$/, ''))
  .filter((name) => name !== 'index' && name !== 'browser')
  .map((name) => page(`tfjs-lora/${name}`, `/reference/api/${name}`));

/** @type {import('vitepress').DefaultTheme.SidebarItem[]} */
export const sidebar = [
  {
    text: 'Start',
    items: [page('Installation', '/installation'), page('Walk-through', '/walk-through')],
  },
  {
    text: 'Tasks',
    items: [
      page('Fine-tune on some digits', '/fine-tune-on-some-digits'),
      page('Adapt my own model', '/adapt-my-own-model'),
      page('Adapt a pretrained model', '/adapt-a-pretrained-model'),
      page('My own pictures', '/my-own-pictures'),
      page('Use a PEFT adapter', '/use-a-peft-adapter'),
      page('Gate a pull request', '/gate-a-pull-request'),
      page('On a GPU', '/gpu'),
      page('In the browser', '/browser'),
      page('Choose a rank', '/choosing-a-rank'),
    ],
  },
  {
    text: 'Concepts',
    items: [
      page('LoRA', '/lora'),
      page('Forgetting', '/forgetting'),
      page('Training', '/training'),
      page('Graphs', '/graph'),
      page('The published experiment', '/published-experiment'),
      page('Comparison with other libraries', '/features'),
    ],
  },
  {
    text: 'Reference',
    items: [
      page('Command line', '/command-line'),
      page('All options', '/reference/commands'),
      page('Exit codes', '/command-line#exit-codes'),
      page('API overview', '/api'),
      {
        text: 'API reference',
        collapsed: true,
        items: [page('tfjs-lora', '/reference/api/'), ...entryPoints],
      },
      page('Examples', '/reference/examples'),
      page('Data', '/data'),
      page('Reports', '/reports'),
      page('JSON Schemas', '/json-schemas'),
      page('PEFT files', '/peft'),
      page('Sweeps on several machines', '/sweeps-on-several-machines'),
      page('Glossary', '/glossary'),
    ],
  },
  {
    text: 'Project',
    items: [
      page('Performance', '/performance'),
      page('Performance on a GPU', '/gpu-performance'),
      page('Reliability', '/reliability'),
      page('Stability', '/stability'),
      page('Architecture', '/architecture'),
      page('Contributing', '/reference/contributing'),
      page('Security', '/reference/security'),
      page('Changelog', '/reference/changelog'),
    ],
  },
];

/**
 * @param {string} text
 * @param {string} link
 * @returns {import('vitepress').DefaultTheme.SidebarItem}
 */
function page(text, link) {
  return { text, link };
}
