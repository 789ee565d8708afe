import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../helpers/temporary.ts';

/** Loads TensorFlow in a process of its own and runs a statement there. */
function afterLoading(options: object, statement: string) {
  const script = `
    const { loadTensorFlow } = await import(${JSON.stringify(resolve('dist/tensorflow/index.js'))});
    await loadTensorFlow(${JSON.stringify({ device: 'cpu', ...options })});
    ${statement}`;
  return execa(process.execPath, ['--input-type=module', '-e', script], { reject: false });
}

/** A statement that makes a library of this name abort the process. */
async function abortIn(name: string): Promise<string> {
  const library = join(await temporaryFolder(), name);
  const source = '#include <stdlib.h>\n__attribute__((constructor)) static void broken(void) { abort(); }';
  await execa('g++', ['-shared', '-fPIC', '-x', 'c', '-', '-o', library], { input: source });
  return `process.dlopen({ exports: {} }, ${JSON.stringify(library)});`;
}

test('an abort of TensorFlow ends a command with a line and exit code 6', async () => {
  const { exitCode, stderr } = await afterLoading(
    { explainAborts: true },
    await abortIn('libtensorflow_broken.so'),
  );
  expect(stderr).toBe('error: TensorFlow ended the process for the reason above');
  expect(exitCode).toBe(6);
});

test('an abort elsewhere stays what it is', async () => {
  const { signal, stderr } = await afterLoading({ explainAborts: true }, await abortIn('libother.so'));
  expect(stderr).not.toContain('TensorFlow');
  expect(signal).toBe('SIGABRT');
});

test('in a library, an abort is left to the program', async () => {
  const { signal } = await afterLoading({}, await abortIn('libtensorflow_broken.so'));
  expect(signal).toBe('SIGABRT');
});
