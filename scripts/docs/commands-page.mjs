import { main } from '../../dist/cli/main.js';

/** The text of a page with the `--help` of every command. */
export async function commandsPage() {
  const sections = [];
  for (const command of await commandsOf([])) {
    sections.push(`## ${command.join(' ')}\n\n\`\`\`text\n${await helpOf(command)}\n\`\`\``);
  }
  return [
    '# All options',
    'What `tfjs-lora COMMAND --help` prints. [Command line](../command-line.md) describes settings, output and exit codes.',
    ...sections,
  ].join('\n\n');
}

/**
 * The commands of a group and those below them, as words: `data`, `data check`.
 *
 * @param {string[]} group
 * @returns {Promise<string[][]>}
 */
async function commandsOf(group) {
  const [, list = ''] = (await helpOf(group)).split(/^Commands:$/m);
  const names = [...list.matchAll(/^ {2}([a-z][\w-]*)/gm)].map((match) => match[1] ?? '');
  const commands = names.filter((name) => name !== 'help').map((name) => [...group, name]);
  const nested = await Promise.all(
    commands.map(async (command) => [command, ...(await commandsOf(command))]),
  );
  return nested.flat();
}

/** @param {string[]} command */
async function helpOf(command) {
  /** @type {string[]} */
  const lines = [];
  await main([...command, '--help'], {
    env: {},
    cwd: process.cwd(),
    interactive: false,
    color: false,
    columns: 80,
    checkpointEveryMs: 0,
    print: (text) => lines.push(text),
    note: (text) => lines.push(text),
    annotate: () => {},
  });
  // The last paragraph is the same for every command.
  return lines
    .join('\n')
    .replace(/^Any option can also.*/ms, '')
    .trim();
}
