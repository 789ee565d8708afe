import { resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { TensorFlowError, UsageError } from '../../src/errors.ts';
import { cacheFolder, loadTensorFlow } from '../../src/tensorflow/index.ts';

function product(): number[] {
  const matrix = tf.tensor2d([1, 2, 3, 4], [2, 2]);
  return [...tf.matMul(matrix, matrix).dataSync()];
}

test('native TensorFlow loads once, and other backends can be taken in turn', async () => {
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

test('a device that does not exist is refused with those that do', async () => {
  await expect(loadTensorFlow({ device: 'tpu' as never })).rejects.toThrow(UsageError);
  await expect(loadTensorFlow({ device: 'tpu' as never })).rejects.toThrow(
    "device 'tpu': there are auto, cpu, cuda, wasm, js",
  );
});

test('flags are set by the time TensorFlow loads, with the cache of XLA in the cache folder', async () => {
  await loadTensorFlow({ device: 'cpu', threads: 1 });
  expect(process.env.TF_NUM_INTRAOP_THREADS).toBe('1');
  expect(process.env.TF_XLA_FLAGS).toContain(`=${cacheFolder()}/xla/2.21.0-x64-cpu-`);
});

test('a process that holds one native package refuses the other', async () => {
  await loadTensorFlow({ device: 'cpu' });
  const error = await loadTensorFlow({ device: 'cuda' }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TensorFlowError);
  expect(error).toMatchObject({
    message: 'this process runs TensorFlow for cpu; start another one for cuda',
  });
});

/** Loads TensorFlow from a module in a process of its own, as `preparation` leaves it. */
async function inProcess(preparation: string, afterwards = '') {
  const script = `${preparation}
    const { loadTensorFlow } = await import(${JSON.stringify(resolve('dist/tensorflow/index.js'))});
    const notices = [];
    const loaded = await loadTensorFlow({ onNotice: (line) => notices.push(line) });
    ${afterwards}
    console.log(JSON.stringify({ device: loaded.device, notices }));`;
  const { stdout, stderr } = await execa(process.execPath, ['--input-type=module', '-e', script]);
  return { ...(JSON.parse(stdout) as { device: string | number; notices: string[] }), stderr };
}

test('TensorFlow says nothing on stderr while it loads', async () => {
  expect(await inProcess('')).toEqual({ device: 'cpu', notices: [], stderr: '' });
});

test('auto falls to wasm where the addon does not load, with one line that says why', async () => {
  const broken =
    "process.dlopen = () => { throw new Error('libtensorflow_cc.so.2: cannot open shared object file'); };";
  const { device, notices, stderr } = await inProcess(broken);
  expect(device).toBe('wasm');
  expect(notices).toHaveLength(1);
  expect(notices[0]).toMatch(
    /^note: running on wasm, .*cannot open shared object file.*run 'npx tfjs-lora setup' again$/,
  );
  expect(stderr).toBe('');
});

test('what newer versions of Node took out of node:util is put back before tfjs-node loads', async () => {
  const removed = "import util from 'node:util'; delete util.isNullOrUndefined; delete util.isArray;";
  const topK =
    'const { indices } = loaded.tf.topk(loaded.tf.tensor1d([3, 9, 4]), 1); loaded.device = indices.dataSync()[0];';
  expect((await inProcess(removed, topK)).device).toBe(1);
});
