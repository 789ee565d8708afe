import { resolve } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { nativeState } from '../../src/setup/index.ts';

const from = (path: string) => `await import(${JSON.stringify(resolve('dist', path))})`;

/** Runs statements in a process of its own, after one that starts to load TensorFlow for a device. */
function runAfterStart(device: string, ...statements: string[]) {
  const lines = [
    `const { startLoadingTensorFlow } = ${from('tensorflow-libraries/index.js')};`,
    `await startLoadingTensorFlow('${device}');`,
    `const { readFileSync } = await import('node:fs');`,
    `const isLoaded = () => readFileSync('/proc/self/maps', 'utf8').includes('libtensorflow_cc');`,
    ...statements,
  ];
  return execa(process.execPath, ['--input-type=module', '-e', lines.join('\n')], { reject: false });
}

describe.skipIf(nativeState('cpu').problem)('with native TensorFlow', () => {
  test('loadTensorFlow uses the libraries that load on another thread, and nothing is printed', async () => {
    const { stdout, stderr } = await runAfterStart(
      'cpu',
      `const { loadTensorFlow } = ${from('tensorflow/index.js')};`,
      `const { tf, device, version } = await loadTensorFlow({ device: 'cpu' });`,
      `console.log(device, version, tf.add(1, 2).dataSync()[0]);`,
    );
    expect(stdout).toBe('cpu 2.21.0 3');
    expect(stderr).toBe('');
  });

  test('a process that ends before it uses TensorFlow waits for the libraries', async () => {
    const { exitCode, stdout, stderr } = await runAfterStart(
      'auto',
      `process.once('exit', () => console.log(isLoaded()));`,
      'process.exit(3);',
    );
    expect(stdout).toBe('true');
    expect(stderr).toBe('');
    expect(exitCode).toBe(3);
  });

  test.each(['wasm', 'cuda', 'js'])('for %s, nothing is loaded', async (device) => {
    const { stdout } = await runAfterStart(device, 'setImmediate(() => console.log(isLoaded()));');
    expect(stdout).toBe('false');
  });
});
