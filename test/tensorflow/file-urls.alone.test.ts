import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { pathOfFileUrl } from '../../src/tensorflow/file-urls.ts';
import { loadTensorFlow } from '../../src/tensorflow/index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-urls-'));
});
afterEach(async () => {
  tf.disposeVariables();
  await rm(folder, { recursive: true });
});

function smallModel(): tf.LayersModel {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 2, inputShape: [2], name: 'out' })] });
  model.setWeights([
    tf.tensor2d([
      [1, 2],
      [3, 4],
    ]),
    tf.tensor1d([0.5, -0.5]),
  ]);
  return model;
}

const outputs = (model: tf.LayersModel) => [
  ...(model.predict(tf.tensor2d([[1, 1]])) as tf.Tensor).dataSync(),
];

describe.each(['js', 'wasm'] as const)('on %s', (device) => {
  beforeEach(() => loadTensorFlow({ device }));

  test('a saved model loads with the same outputs and metadata', async () => {
    const model = smallModel();
    model.setUserDefinedMetadata({ version: 3 });
    await model.save(`file://${folder}/saved/model`);
    const loaded = await tf.loadLayersModel(`file://${folder}/saved/model/model.json`);
    expect(outputs(loaded)).toEqual([4.5, 5.5]);
    expect(loaded.getUserDefinedMetadata()).toEqual({ version: 3 });
  });

  test('weights in several files are joined', async () => {
    await smallModel().save(`file://${folder}`);
    const path = join(folder, 'model.json');
    const json = JSON.parse(await readFile(path, 'utf8'));
    const weights = await readFile(join(folder, 'weights.bin'));
    await writeFile(join(folder, 'a.bin'), weights.subarray(0, 10));
    await writeFile(join(folder, 'b.bin'), weights.subarray(10));
    json.weightsManifest[0].paths = ['a.bin', 'b.bin'];
    await writeFile(path, JSON.stringify(json));
    expect(outputs(await tf.loadLayersModel(`file://${path}`))).toEqual([4.5, 5.5]);
  });

  test.each([
    ['missing.json', /missing.json: cannot be read: no such file or folder/],
    ['', /cannot be read: it is a folder; name a file/],
  ])("'%s' is an error in one line", async (file, message) => {
    const error: unknown = await tf.loadLayersModel(`file://${folder}/${file}`).catch((reason) => reason);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as Error).message).toMatch(message);
  });

  test.each(['../weights.bin', '/dev/zero', 'a/../../b'])(
    'weights outside of the folder are refused: %s',
    async (file) => {
      await smallModel().save(`file://${folder}`);
      const path = join(folder, 'model.json');
      const json = JSON.parse(await readFile(path, 'utf8'));
      json.weightsManifest[0].paths = [file];
      await writeFile(path, JSON.stringify(json));
      await expect(tf.loadLayersModel(`file://${path}`)).rejects.toThrow(/is not in the folder of the model/);
    },
  );
});

test('tfjs-node takes over when it is loaded later', async () => {
  const script = `
    const { loadTensorFlow } = await import(${JSON.stringify(resolve('dist/tensorflow/index.js'))});
    const { tf } = await loadTensorFlow({ device: 'wasm' });
    const wasm = tf.io.getSaveHandlers('file://x').length;
    await loadTensorFlow({ device: 'cpu' });
    console.log(wasm, tf.io.getSaveHandlers('file://x').length, tf.io.getLoadHandlers('file://x').length);`;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '-e', script]);
  expect(stdout).toBe('1 1 1');
});

test.for([
  ['file:///home/model', 'linux', '/home/model'],
  ['file://model', 'linux', 'model'],
  ['file:///c:/model', 'linux', '/c:/model'],
  ['file:///C:/model', 'win32', 'C:/model'],
  ['file://C:\\model', 'win32', 'C:\\model'],
  ['file:///home/model', 'win32', '/home/model'],
] as const)('the path of %s on %s is %s', ([url, platform, path]) => {
  expect(pathOfFileUrl(url, platform)).toBe(path);
});
