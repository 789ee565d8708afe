import { readdirSync, readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { runCommand, splitWords } from './helpers/command.ts';
import { keptFolder } from './helpers/temporary.ts';

const PAGES = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/**
 * The command lines of a page, without prompts and comments. Lines that end in a backslash are joined with the next.
 * Commands for a GPU, a queue or set-up are left out; they have tests of their own.
 */
function commandsOf(page: string): string[] {
  const text = readFileSync(page, 'utf8').replaceAll(/\\\n\s*/g, '');
  return (
    [...text.matchAll(/^\s*(?:\$ )?(npx tfjs-lora .*?)\s*(?:\s#.*)?$/gm)]
      .map((match) => match[1]!)
      .filter((command) => !/ setup\b|cuda|redis:/.test(command))
      // It serves until Ctrl-C.
      .filter((command) => !/ play\b/.test(command) || command.includes('--out'))
  );
}

let cwd: string;
beforeAll(async () => {
  cwd = await keptFolder();
});

/** A folder with the files that a page assumes. A page that does not create `runs/base` gets that of the README. */
async function folderFor(page: string): Promise<string> {
  const folder = join(cwd, page);
  await cp('test/fixtures/peft/base.safetensors', join(folder, 'base.safetensors'), { recursive: true });
  await cp('test/fixtures/peft/plain', join(folder, 'my-adapter'), { recursive: true });
  const base = 'runs/base';
  const createsBase = commandsOf(page).some((command) => command.includes(`--out ${base}`));
  if (!createsBase) await cp(join(cwd, 'README.md', base), join(folder, base), { recursive: true });
  return folder;
}

test.each(PAGES)('the commands in %s work', async (page) => {
  const folder = await folderFor(page);
  for (const command of commandsOf(page)) {
    const [, , ...argv] = splitWords(command);
    const { code, err } = await runCommand(folder, argv);
    expect({ command, code, err: code === 0 ? '' : err }).toEqual({ command, code: 0, err: '' });
  }
});

test('links between pages lead to existing files', () => {
  const broken = PAGES.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)]
      .map((match) => join(dirname(page), match[1]!))
      .filter((target) => !readdirSync(dirname(target)).includes(target.split('/').pop()!))
      .map((target) => `${page} -> ${target}`),
  );
  expect(broken).toEqual([]);
});
