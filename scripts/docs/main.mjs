// Builds the documentation site into site/: npm run docs -- [--base /PATH/]
// It first writes the generated pages to docs/reference, and the live demo and other files to docs/public.
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'vitepress';
import { main } from '../../dist/cli/main.js';
import { COPIED_PAGES } from '../../docs/.vitepress/markdown.mjs';
import { writeApiReference } from './api-reference.mjs';
import { commandsPage } from './commands-page.mjs';
import { examplesPage } from './examples-page.mjs';

// The base is the path of the site on its server.
const { values } = parseArgs({ options: { base: { type: 'string', default: '/' } } });

for (const folder of ['docs/reference', 'docs/public']) rmSync(folder, { recursive: true, force: true });
await writeApiReference('docs/reference/api');
writePage('reference/commands.md', await commandsPage());
writePage('reference/examples.md', examplesPage());
for (const [page, source] of Object.entries(COPIED_PAGES)) cpSync(source, `docs/${page}`);
cpSync('docs/schemas', 'docs/public/schemas', { recursive: true });
for (const name of ['report-light.png', 'report-dark.png'])
  cpSync(`docs/images/${name}`, `docs/public/${name}`);
process.exitCode = await main(['play', '--out', 'docs/public/play']);
if (process.exitCode === 0) await build('docs', { base: values.base });

/**
 * @param {string} page path in docs/
 * @param {string} text
 */
function writePage(page, text) {
  const path = `docs/${page}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
