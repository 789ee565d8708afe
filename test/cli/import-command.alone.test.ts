import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../helpers/temporary.ts';

const bin = resolve('bin/tfjs-lora.mjs');

test('a command that loads TensorFlow keeps compiled JavaScript in the cache folder, with a Node that can', async () => {
  const cwd = await temporaryFolder();
  const run = (args: string[]) =>
    execa(process.execPath, [bin, ...args], { cwd, env: { TFJS_LORA_CACHE: cwd }, reject: false });
  const folder = join(cwd, 'javascript');
  expect((await run(['--help'])).exitCode).toBe(0);
  expect(existsSync(folder)).toBe(false);
  const { exitCode, stderr } = await run(['eval', 'missing']);
  expect(stderr).toBe(`error: ${join(cwd, 'missing')}: no such folder; name the folder of a run`);
  expect(exitCode).toBe(4);
  expect(existsSync(folder)).toBe('enableCompileCache' in nodeModule);
});
