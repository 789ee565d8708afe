import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { injectLora } from '../../src/graph-models/index.ts';
import { savePeft } from '../../src/peft/index.ts';
import { saveGraphModel, saveModel } from '../../src/runs/index.ts';
import { runCommand, sh } from '../helpers/command.ts';
import { disturbAdapters } from '../helpers/disturb.ts';
import { graphModel, placeholder } from '../helpers/graph-models.ts';
import { keptFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice('cpu');

let cwd: string;

/** Two products with a ReLU between them. */
const network = () =>
  graphModel({
    nodes: [
      ['x', 'Placeholder', [], placeholder([-1, 6])],
      ['hidden', 'MatMul', ['x', 'w1']],
      ['active', 'Relu', ['hidden']],
      ['logits', 'MatMul', ['active', 'w2']],
    ],
    weights: {
      w1: tf.randomNormal([6, 8], 0, 1, 'float32', 1),
      w2: tf.randomNormal([8, 3], 0, 1, 'float32', 2),
    },
    outputs: ['logits'],
  });

beforeAll(async () => {
  cwd = await keptFolder();
  const base = await network();
  await saveGraphModel(base, join(cwd, 'base'));
  const adapted = injectLora(base, { rank: 2, alpha: 3 });
  disturbAdapters(adapted);
  await savePeft(adapted, join(cwd, 'adapter'));
  const layers = tf.sequential({ layers: [tf.layers.dense({ name: 'd', inputShape: [6], units: 3 })] });
  await saveModel(layers, join(cwd, 'layers'));
  const adaptedLayers = injectLora(layers, { rank: 2, alpha: 3 });
  disturbAdapters(adaptedLayers);
  await savePeft(adaptedLayers, join(cwd, 'layers-adapter'));
});

describe('with --base-model', () => {
  test('inspect lists the nodes of a GraphModel that can be adapted', async () => {
    const { code, out } = await runCommand(cwd, sh`inspect --base-model base/model.json --device cpu`);
    expect(code).toBe(0);
    expect(out).toMatch(/^hidden +Dense 6 x 8 +14 +6$/m);
    expect(out).toMatch(/^logits +Dense 8 x 3 +11 +3$/m);
  });

  test('inspect shows what an adapter changes', async () => {
    const command = sh`inspect adapter --base-model base/model.json --device cpu`;
    const { code, out } = await runCommand(cwd, command);
    expect(code).toBe(0);
    expect(out).toMatch(/^hidden +Dense 6 x 8 +2 +3 +1.5 +28 +[\d.]+ % +[\d.]+$/m);
    const json = JSON.parse((await runCommand(cwd, [...command, '--json'])).out);
    expect(json.adapters).toMatchObject([{ path: 'hidden' }, { path: 'logits' }]);
    expect(json.totals.trainableParameters).toBe(28 + 22);
  });

  test('verify checks an adapter of a GraphModel', async () => {
    const command = sh`verify adapter --base-model base/model.json --device cpu`;
    const { code, out, err } = await runCommand(cwd, command);
    expect({ code, err }).toEqual({ code: 0, err: '7 checks passed' });
    expect(out).toMatch(/^passed {3}the merged model gives the outputs of the adapted model$/m);
  });

  test('verify checks an adapter of a LayersModel', async () => {
    const command = sh`verify layers-adapter --base-model layers/model.json --device cpu`;
    const { code, err } = await runCommand(cwd, command);
    expect({ code, err }).toEqual({ code: 0, err: '9 checks passed' });
  });

  test('verify rejects an adapter of another base', async () => {
    const path = join(cwd, 'other');
    const base = await network();
    await saveGraphModel(base, path);
    const weights = await readFile(join(path, 'weights.bin'));
    weights.writeFloatLE(7, 0);
    await writeFile(join(path, 'weights.bin'), weights);
    const command = sh`verify adapter --base-model other/model.json --device cpu`;
    expect(await runCommand(cwd, command)).toMatchObject({
      code: 4,
      err: expect.stringMatching(/trained on a base with content hash \w{64}, this base has \w{64}/),
    });
  });

  test.each([
    [
      sh`verify adapter`,
      'adapter: an adapter, not a run; import it into a run of its base, or name its base model',
    ],
    [
      sh`import base/model.json --out run`,
      'base/model.json: a GraphModel, which cannot become a run; adapt it in a program, or convert the Keras model',
    ],
  ])('%j without a run or a base model is rejected', async (argv, message) => {
    expect(await runCommand(cwd, argv)).toMatchObject({ code: 4, err: expect.stringContaining(message) });
  });

  test('merge writes a GraphModel with the update in its kernels', async () => {
    const command = sh`merge adapter --base-model base/model.json --strength 0.5 --out merged --device cpu`;
    const { code, out } = await runCommand(cwd, command);
    expect(code).toBe(0);
    expect(out).toMatch(/^merged adapter at strength 0.5 into a plain model with content hash \w{12}$/);
    const bytes = async (folder: string) =>
      new Float32Array(Uint8Array.from(await readFile(join(cwd, folder, 'weights.bin'))).buffer);
    const [before, after] = [await bytes('base'), await bytes('merged')];
    expect(after).toHaveLength(before.length);
    expect(after).not.toEqual(before);
    expect(await runCommand(cwd, command)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^error: merged: the folder already has a model; use --overwrite/),
    });
    expect((await runCommand(cwd, [...command, '--overwrite'])).code).toBe(0);
  });

  test.each([
    ['verify adapter --base-model base/model.json --data d', 2, /--data: needs a run; omit it/],
    ['inspect adapter --base-model base/model.json --program', 2, /--program: needs a run; omit it/],
    ['merge adapter --base-model base/model.json', 2, /--base-model: needs the folder of the merged model/],
    ['merge adapter --base-model base/model.json --out base', 2, /base: is the folder of the base/],
    ['inspect --base-model no.json', 4, /no.json: cannot be read: no such file or folder/],
    ['inspect --base-model adapter/adapter_config.json', 4, /adapter_config.json: /],
    ['verify base --base-model base/model.json', 4, /base: no adapter_config.json/],
  ])('%s is rejected', async (line, code, message) => {
    expect(await runCommand(cwd, [...line.split(' '), '--device', 'cpu'])).toMatchObject({
      code,
      err: expect.stringMatching(message),
    });
  });

  test('a damaged GraphModel is rejected in one line', async () => {
    const content = JSON.parse(await readFile(join(cwd, 'base/model.json'), 'utf8'));
    const write = (name: string, changed: object) =>
      writeFile(join(cwd, 'base', name), JSON.stringify({ ...content, ...changed }));
    await write('no-nodes.json', { modelTopology: {} });
    await write('no-input.json', {
      modelTopology: { ...content.modelTopology, node: content.modelTopology.node.slice(1) },
    });
    const run = (name: string) => runCommand(cwd, sh`inspect --base-model base/${name} --device cpu`);
    expect(await run('no-nodes.json')).toMatchObject({
      code: 4,
      err: expect.stringMatching(/not a GraphModel: modelTopology/),
    });
    expect(await run('no-input.json')).toMatchObject({ code: 4, err: expect.not.stringContaining('\n') });
  });
});
