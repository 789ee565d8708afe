import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { main } from '../src/cli/main.ts';
import { recordedContext } from './helpers/context.ts';
import { keptFolder } from './helpers/temporary.ts';

const PAGES = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** The command lines of a page, continued lines joined, without prompts and comments. */
function commandsOf(page: string): string[] {
  const text = readFileSync(page, 'utf8').replaceAll(/\\\n\s*/g, '');
  return [...text.matchAll(/^\s*(?:\$ )?(npx tfjs-lora .*?)\s*(?:\s#.*)?$/gm)].map((match) => match[1]!);
}

test('every command shown in the documentation works, in the order of the pages', async () => {
  const cwd = await keptFolder();
  for (const page of PAGES) {
    for (const command of commandsOf(page)) {
      const context = recordedContext({ cwd });
      const code = await main(argumentsOf(command), context);
      const shown = code === 0 ? [] : context.err;
      expect({ page, command, code, shown }).toEqual({ page, command, code: 0, shown: [] });
    }
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
