import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { beforeEach, describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { loadModel, saveModel } from '../../src/runs/index.ts';
import { smallNet } from '../helpers/small-task.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A folder with a saved model in `model`, and its weights a second time in `secret.bin`. */
let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
  const model = smallNet();
  await saveModel(model, join(folder, 'model'));
  model.dispose();
  await writeFile(join(folder, 'secret.bin'), await readFile(join(folder, 'model', 'weights.bin')));
});

const load = () => loadModel(join(folder, 'model'));

/** Changes the parsed model.json. */
async function edit(change: (json: { modelTopology: unknown; weightsManifest: never }) => void) {
  const path = join(folder, 'model', 'model.json');
  const json = JSON.parse(await readFile(path, 'utf8'));
  change(json);
  await writeFile(path, JSON.stringify(json));
}

/** Sets the path of the weights in model.json. */
const setPath = (path: string) =>
  edit(({ weightsManifest: [group] }: { weightsManifest: { paths: string[] }[] }) => {
    group!.paths = [path];
  });

describe('loadModel', () => {
  test('reads weights of several files, also through a link in the folder', async () => {
    const path = join(folder, 'model', 'weights.bin');
    const bytes = await readFile(path);
    await writeFile(join(folder, 'model', 'part1.bin'), bytes.subarray(0, 100));
    await writeFile(path, bytes.subarray(100));
    await symlink('part1.bin', join(folder, 'model', 'linked.bin'));
    await edit(({ weightsManifest: [group] }: { weightsManifest: { paths: string[] }[] }) => {
      group!.paths = ['linked.bin', 'weights.bin'];
    });
    const model = await load();
    expect(tf.concat1d(model.getWeights().map((weight) => weight.flatten() as tf.Tensor1D)).size).toBe(163);
    model.dispose();
  });

  test('refuses layers with more values than the weights file before allocating them', async () => {
    await edit((json: { modelTopology: unknown }) => {
      json.modelTopology = JSON.parse(
        JSON.stringify(json.modelTopology).replace(/"units":\d+/, '"units":1e8'),
      );
    });
    const path = join(folder, 'model', 'model.json');
    await expect(load()).rejects.toThrow(CheckpointError);
    await expect(load()).rejects.toThrow(`${path}: weight 'kernel' [`);
    await expect(load()).rejects.toThrow('is too large: its file has 163 values in all weights');
  });

  test.each(['../secret.bin', '/dev/zero', '..', '.', 'a/b', 'a\\b', ''])(
    'refuses the path %j of a weight file',
    async (path) => {
      await setPath(path);
      await expect(load()).rejects.toThrow(CheckpointError);
      if (path !== '.') await expect(load()).rejects.toThrow('must be the name of a file in the same folder');
    },
  );

  test.each([
    ['a link to a file outside', (path: string) => symlink('../secret.bin', path), 'leads out of its folder'],
    ['a link to a device', (path: string) => symlink('/dev/zero', path), 'not a regular file'],
    ['a folder', (path: string) => mkdir(path), 'not a regular file'],
    ['a pipe', async (path: string) => void execFileSync('mkfifo', [path]), 'not a regular file'],
  ])('refuses weights that are %s', async (_, make, message) => {
    const path = join(folder, 'model', 'weights.bin');
    await rename(path, join(folder, 'moved.bin'));
    await make(path);
    await expect(load()).rejects.toThrow(CheckpointError);
    await expect(load()).rejects.toThrow(message);
  });

  test('refuses weights of another size', async () => {
    await writeFile(join(folder, 'model', 'weights.bin'), 'short');
    await expect(load()).rejects.toThrow('has 5 bytes of weights, the model needs 652');
  });

  test.each<[string, Parameters<typeof edit>[0], string]>([
    [
      'a topology as text',
      (json) => Object.assign(json, { modelTopology: 'x' }),
      'modelTopology: must be an object',
    ],
    [
      'no weights',
      (json) => Object.assign(json, { weightsManifest: 1 }),
      'weightsManifest: must be a list (1)',
    ],
    [
      'a negative size',
      (json) =>
        Object.assign(json, {
          weightsManifest: [{ paths: [], weights: [{ name: 'a', dtype: 'bool', shape: [-1] }] }],
        }),
      'weightsManifest.0.weights.0.shape.0: must be at least 0 (-1)',
    ],
    [
      'an unknown dtype',
      (json) =>
        Object.assign(json, {
          weightsManifest: [{ paths: [], weights: [{ name: 'a', dtype: 'f8', shape: [] }] }],
        }),
      'dtype: must be one of float32, int32, bool ("f8")',
    ],
  ])('refuses %s', async (_, change, message) => {
    await edit(change);
    await expect(load()).rejects.toThrow(CheckpointError);
    await expect(load()).rejects.toThrow(`model.json: not a LayersModel: `);
    await expect(load()).rejects.toThrow(message);
  });
});
