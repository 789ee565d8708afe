import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../helpers/temporary.ts';

const from = (path: string) => `await import(${JSON.stringify(resolve('dist', path))})`;

/** A statement that loads TensorFlow as commands do. */
const asCommand = `
  const { recipeOptions } = ${from('cli/environment.js')};
  const { loadTensorFlow } = ${from('tensorflow/index.js')};
  await loadTensorFlow(recipeOptions({ device: 'cpu' }, { note() {} }).tensorflow);`;
/** A statement that loads TensorFlow as users of the library do. */
const asLibrary = `
  const { loadTensorFlow } = ${from('tensorflow/index.js')};
  await loadTensorFlow({ device: 'cpu' });`;

/** Runs statements in a process of its own. */
function run(...statements: string[]) {
  return execa(process.execPath, ['--input-type=module', '-e', statements.join('\n')], { reject: false });
}

/** A statement that loads a new library of this name, which aborts the process. */
async function abortIn(name: string): Promise<string> {
  const library = join(await temporaryFolder(), name);
  const source = '#include <stdlib.h>\n__attribute__((constructor)) static void broken(void) { abort(); }';
  await execa('g++', ['-shared', '-fPIC', '-x', 'c', '-', '-o', library], { input: source });
  return `process.dlopen({ exports: {} }, ${JSON.stringify(library)});`;
}

test('if TensorFlow aborts, a command prints one line and exits with code 6', async () => {
  const { exitCode, stderr } = await run(asCommand, await abortIn('libtensorflow_broken.so'));
  expect(stderr).toBe('error: TensorFlow aborted the process for the reason above');
  expect(exitCode).toBe(6);
});

test('if another library aborts, a command ends with SIGABRT', async () => {
  const { signal, stderr } = await run(asCommand, await abortIn('libother.so'));
  expect(stderr).not.toContain('TensorFlow');
  expect(signal).toBe('SIGABRT');
});

test('if TensorFlow aborts, a program that uses the library ends with SIGABRT', async () => {
  const { signal } = await run(asLibrary, await abortIn('libtensorflow_broken.so'));
  expect(signal).toBe('SIGABRT');
});
