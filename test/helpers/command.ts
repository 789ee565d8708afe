import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { CliContext } from '../../src/cli/context.ts';
import { main } from '../../src/cli/main.ts';
import { recordedContext } from './context.ts';
import { keptFolder } from './temporary.ts';
import { writeSplit } from './tiny-set.ts';

/**
 * The arguments of a command line, split as a shell does: sh`finetune ${base} --digits 2,3`. A value is part of one
 * argument, whatever it contains; a list is one argument per entry. Quotes cannot contain values.
 */
export function sh(texts: TemplateStringsArray, ...values: readonly unknown[]): string[] {
  const words: string[] = [];
  let word: string | undefined;
  const endWord = () => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  texts.forEach((text, index) => {
    for (const [part, space, single, double] of text.matchAll(/(\s+)|'([^']*)'|"([^"]*)"|./g)) {
      if (space === undefined) word = (word ?? '') + (single ?? double ?? part);
      else endWord();
    }
    const value = values[index];
    if (Array.isArray(value)) {
      endWord();
      words.push(...value.map(String));
    } else if (index < values.length) word = (word ?? '') + String(value);
  });
  endWord();
  return words;
}

/** The words of a command line, split as by `sh`. */
export function splitWords(line: string): string[] {
  return sh(Object.assign([line], { raw: [line] }));
}

/** Runs a command line in `cwd` and returns its exit code, stdout and stderr. */
export async function runCommand(
  cwd: string,
  argv: readonly string[],
  overrides: Partial<CliContext> = {},
): Promise<{ code: number; out: string; err: string }> {
  const context = recordedContext({ cwd, ...overrides });
  const code = await main(argv, context);
  return { code, out: context.out.join('\n'), err: context.err.join('\n') };
}

/** A folder with a data set of 4x4 images in `data`, and a run `base` trained on it. It is kept for all tests of a file. */
export async function workplaceWithBase(): Promise<string> {
  const cwd = await keptFolder();
  const digits = Array.from({ length: 40 }, (_, index) => index % 10);
  const data = join(cwd, 'data');
  await mkdir(data);
  await writeSplit(data, 'train', digits, { height: 4, width: 4 });
  await writeSplit(data, 't10k', digits.slice(0, 20), { height: 4, width: 4 });
  expect(await runCommand(cwd, sh`pretrain --steps 8 --head linear --out base --quiet`)).toMatchObject({
    code: 0,
    err: '',
  });
  return cwd;
}

/**
 * Context settings that call this process' handlers of a signal when training first reports progress. A real signal could
 * arrive after a short training has ended; `interrupted.slow.test.ts` sends those.
 */
export function interruptOnProgress(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP'): Partial<CliContext> {
  let sent = false;
  return {
    onTrainingProgress: () => {
      if (!sent) process.emit(signal, signal);
      sent = true;
    },
  };
}
