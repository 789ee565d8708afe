import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../helpers/temporary.ts';

const from = (path: string) => `await import(${JSON.stringify(resolve('dist', path))})`;
const asCommand = `
  const { useTensorFlow } = ${from('cli/environment.js')};
  await useTensorFlow({ device: 'cpu' }, { note() {} });`;
const asLibrary = `
  const { loadTensorFlow } = ${from('tensorflow/index.js')};
  await loadTensorFlow({ device: 'cpu' });`;

/** Runs statements in a process of its own. */
function run(...statements: string[]) {
  return execa(process.execPath, ['--input-type=module', '-e', statements.join('\n')], { reject: false });
}

/** A statement that makes a library of this name abort the process. */
async function abortIn(name: string): Promise<string> {
  const library = join(await temporaryFolder(), name);
  const source = '#include <stdlib.h>\n__attribute__((constructor)) static void broken(void) { abort(); }';
  await execa('g++', ['-shared', '-fPIC', '-x', 'c', '-', '-o', library], { input: source });
  return `process.dlopen({ exports: {} }, ${JSON.stringify(library)});`;
}

test('an abort of TensorFlow ends a command with a line and exit code 6', async () => {
  const { exitCode, stderr } = await run(asCommand, await abortIn('libtensorflow_broken.so'));
  expect(stderr).toBe('error: TensorFlow ended the process for the reason above');
  expect(exitCode).toBe(6);
});

test('an abort elsewhere stays what it is', async () => {
  const { signal, stderr } = await run(asCommand, await abortIn('libother.so'));
  expect(stderr).not.toContain('TensorFlow');
  expect(signal).toBe('SIGABRT');
});

test('in a library, an abort is left to the program', async () => {
  const { signal } = await run(asLibrary, await abortIn('libtensorflow_broken.so'));
  expect(signal).toBe('SIGABRT');
});
