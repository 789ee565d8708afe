import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** The text of a page with the programs of examples/. */
export function examplesPage() {
  const sections = readdirSync('examples')
    .filter((file) => file.endsWith('.mjs'))
    .map(
      (file) => `## ${basename(file, '.mjs')}\n\n\`\`\`js\n${readFileSync(`examples/${file}`, 'utf8')}\`\`\``,
    );
  return [
    '# Examples',
    'Run a program in a clone of the repository with `node examples/NAME.mjs`, after `npm run setup`.',
    ...sections,
  ].join('\n\n');
}
