import { resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { TensorFlowError, UsageError } from '../../src/errors.ts';
import { cacheFolder } from '../../src/setup/index.ts';
import { loadTensorFlow } from '../../src/tensorflow/index.ts';

function product(): number[] {
  const matrix = tf.tensor2d([1, 2, 3, 4], [2, 2]);
  return [...tf.matMul(matrix, matrix).dataSync()];
}

test('native TensorFlow loads once, and later calls switch between backends', async () => {
  const cpu = await loadTensorFlow({ device: 'cpu', threads: 1 });
  expect(cpu).toMatchObject({ device: 'cpu', version: '2.21.0' });
  expect(tf.getBackend()).toBe('tensorflow');
  expect(product()).toEqual([7, 10, 15, 22]);
  for (const [device, backend] of [
    ['wasm', 'wasm'],
    ['js', 'cpu'],
  ] as const) {
    const portable = await loadTensorFlow({ device });
    expect([portable.device, portable.version]).toEqual([device, undefined]);
    expect(tf.getBackend()).toBe(backend);
    expect(product()).toEqual([7, 10, 15, 22]);
  }
  expect((await loadTensorFlow()).device).toBe('cpu');
  expect(tf.getBackend()).toBe('tensorflow');
});

test('an unknown device is an error that lists the devices', async () => {
  await expect(loadTensorFlow({ device: 'tpu' as never })).rejects.toThrow(UsageError);
  await expect(loadTensorFlow({ device: 'tpu' as never })).rejects.toThrow(
    "device 'tpu': unknown; use one of auto, cpu, cuda, wasm, js",
  );
});

test("flags are set when TensorFlow loads, with XLA's cache in the cache folder", async () => {
  await loadTensorFlow({ device: 'cpu', threads: 1 });
  expect(process.env.TF_NUM_INTRAOP_THREADS).toBe('1');
  expect(process.env.TF_XLA_FLAGS).toContain(`=${cacheFolder()}/xla/2.21.0-x64-cpu-`);
});

test('concurrent calls load native TensorFlow once', async () => {
  const both = await Promise.all([loadTensorFlow({ device: 'cpu' }), loadTensorFlow({ device: 'cpu' })]);
  expect(both.map(({ version }) => version)).toEqual(['2.21.0', '2.21.0']);
});

test('a process with one native device cannot load the other', async () => {
  await loadTensorFlow({ device: 'cpu' });
  const error = await loadTensorFlow({ device: 'cuda' }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TensorFlowError);
  expect(error).toMatchObject({
    message: 'this process has loaded TensorFlow for cpu; use another process for cuda',
  });
});

interface ProcessResult {
  readonly result: string | number;
  readonly fallbacks: { device: string; code: string; message: string }[];
  readonly stderr: string;
}

/**
 * Loads TensorFlow in a process of its own.
 *
 * @param before statements to run first
 * @param result an expression of what to return; `loaded` is what was loaded
 */
async function inProcess(before: string, result = 'loaded.device'): Promise<ProcessResult> {
  const script = `${before}
    const { loadTensorFlow } = await import(${JSON.stringify(resolve('dist/tensorflow/index.js'))});
    const fallbacks = [];
    const loaded = await loadTensorFlow({
      onFallback: ({ device, error: { code, message } }) => fallbacks.push({ device, code, message }),
    });
    console.log(JSON.stringify({ result: ${result}, fallbacks }));`;
  const { stdout, stderr } = await execa(process.execPath, ['--input-type=module', '-e', script]);
  return { ...(JSON.parse(stdout) as Omit<ProcessResult, 'stderr'>), stderr };
}

test('TensorFlow prints nothing on stderr while it loads', async () => {
  expect(await inProcess('')).toEqual({ result: 'cpu', fallbacks: [], stderr: '' });
});

test('auto falls back to wasm and reports why, if the addon does not load', async () => {
  const reason = 'libtensorflow_cc.so.2: cannot open shared object file';
  const { result, fallbacks, stderr } = await inProcess(
    `process.dlopen = () => { throw new Error(${JSON.stringify(reason)}); };`,
  );
  expect(result).toBe('wasm');
  expect(fallbacks).toEqual([
    {
      device: 'wasm',
      code: 'cpu-not-set-up',
      message: `@tensorflow/tfjs-node does not load (${reason})`,
    },
  ]);
  expect(stderr).toBe('');
});

test('functions that newer versions of Node removed from node:util are restored for tfjs-node', async () => {
  const removed = "import util from 'node:util'; delete util.isNullOrUndefined; delete util.isArray;";
  const topK = 'loaded.tf.topk(loaded.tf.tensor1d([3, 9, 4]), 1).indices.dataSync()[0]';
  expect((await inProcess(removed, topK)).result).toBe(1);
});
