import { readdirSync, readFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { main } from '../src/cli/main.ts';
import { recordedContext } from './helpers/context.ts';
import { keptFolder } from './helpers/temporary.ts';

const PAGES = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/**
 * The command lines of a page, continued lines joined, without prompts and comments; without those that need a
 * card or set TensorFlow up, which have tests of their own.
 */
function commandsOf(page: string): string[] {
  const text = readFileSync(page, 'utf8').replaceAll(/\\\n\s*/g, '');
  return [...text.matchAll(/^\s*(?:\$ )?(npx tfjs-lora .*?)\s*(?:\s#.*)?$/gm)]
    .map((match) => match[1]!)
    .filter((command) => !/ setup\b|cuda/.test(command));
}

let cwd: string;
beforeAll(async () => {
  cwd = await keptFolder();
});

/** Pages go from a base of their own, or from that of the README; from files that users have. */
async function folderFor(page: string): Promise<string> {
  const folder = join(cwd, page);
  await cp('test/fixtures/peft/base.safetensors', join(folder, 'base.safetensors'), { recursive: true });
  await cp('test/fixtures/peft/plain', join(folder, 'my-adapter'), { recursive: true });
  const makesBase = commandsOf(page).some((command) => command.includes('--out runs/base'));
  const base = 'runs/base';
  if (!makesBase) await cp(join(cwd, 'README.md', base), join(folder, base), { recursive: true });
  return folder;
}

test.each(PAGES)('the commands that %s shows work', async (page) => {
  const folder = await folderFor(page);
  for (const command of commandsOf(page)) {
    const context = recordedContext({ cwd: folder });
    const code = await main(argumentsOf(command), context);
    expect({ command, code, shown: code === 0 ? [] : context.err }).toEqual({ command, code: 0, shown: [] });
  }
});

test('links between pages lead somewhere', () => {
  const broken = PAGES.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)]
      .map((match) => join(dirname(page), match[1]!))
      .filter((target) => !readdirSync(dirname(target)).includes(target.split('/').pop()!))
      .map((target) => `${page} -> ${target}`),
  );
  expect(broken).toEqual([]);
});

/** Splits as a shell would where there are only plain words and quotes. */
function argumentsOf(command: string): string[] {
  const words = command.match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
  return words.slice(2).map((word) => word.replace(/^(['"])(.*)\1$/, '$2'));
}
