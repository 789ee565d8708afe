import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { openRun } from '../../src/runs/index.ts';
import { runCommand, sh, workplaceWithBase } from '../helpers/command.ts';
import { outputs, storedModel, writeLayersModel } from '../helpers/layers-model.ts';
import { withSeededWeights } from '../helpers/seeded-weights.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const layers = tf.layers;
const classifier = (units = 10, channels = 1) =>
  withSeededWeights(
    tf.sequential({
      layers: [
        layers.conv2d({ inputShape: [4, 4, channels], filters: 2, kernelSize: 3, activation: 'relu' }),
        layers.flatten(),
        layers.dense({ units, activation: 'softmax', name: 'probabilities' }),
      ],
    }),
  );

describe('import model.json', () => {
  test('makes a run that can be fine-tuned, with the probabilities of the model', async () => {
    const cwd = await workplaceWithBase();
    const model = classifier();
    await writeLayersModel(join(cwd, 'keras'), await storedModel(model));
    for (const source of ['keras/model.json', 'keras']) {
      const { code, out, err } = await runCommand(
        cwd,
        sh`import ${source} --data data --out run --overwrite`,
      );
      expect({ code, out }).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^imported keras.*: 110 parameters/),
      });
      expect(err).toContain("layer 'probabilities': its softmax is removed");
      expect(err).toContain('mean 0 and std 1');
    }
    const { model: logits, manifest } = await openRun('run', cwd);
    const input = tf.randomUniform([5, 4, 4, 1], 0, 1, 'float32', 1);
    const expected = outputs(model, input);
    const actual = [...tf.softmax(logits.predict(input) as tf.Tensor).dataSync()];
    for (const [index, value] of actual.entries())
      expect(Math.abs(value - expected[index]!)).toBeLessThan(1e-6);
    expect(manifest).toMatchObject({ normalization: { mean: 0, std: 1 }, classNames: { length: 10 } });
    const tuned = await runCommand(cwd, sh`finetune run --steps 3 --rank 1 --out tuned --quiet`);
    expect(tuned).toMatchObject({ code: 0, err: '' });
  });

  test('gives pixels from 0 to 255 to a model that starts with a Rescaling layer, and takes mean and std', async () => {
    const cwd = await workplaceWithBase();
    const model = tf.sequential({
      layers: [
        layers.rescaling({ scale: 1 / 255, offset: 0, inputShape: [4, 4] } as never),
        layers.flatten(),
        layers.dense({ units: 10 }),
      ],
    });
    await writeLayersModel(join(cwd, 'keras'), await storedModel(model));
    expect(await runCommand(cwd, sh`import keras --out run --quiet`)).toMatchObject({ code: 0, err: '' });
    expect((await openRun('run', cwd)).manifest.normalization).toEqual({ mean: 0, std: 1 / 255 });
    await runCommand(cwd, sh`import keras --mean 0.5 --std 0.25 --out other`);
    expect((await openRun('other', cwd)).manifest.normalization).toEqual({ mean: 0.5, std: 0.25 });
  });

  test('rejects models that do not classify grayscale images or do not fit the data', async () => {
    const cwd = await workplaceWithBase();
    const rejects = async (model: tf.LayersModel, code: number, message: string, argv: string[] = []) => {
      await writeLayersModel(join(cwd, 'keras'), await storedModel(model));
      const { err, ...result } = await runCommand(cwd, sh`import keras/model.json --out run ${argv}`);
      expect(err.split('\n').at(-1)).toContain(message);
      expect(result).toEqual({ code, out: '' });
    };
    await rejects(
      classifier(10, 3),
      4,
      'keras/model.json: the model takes [4,4,3]; use one that takes grayscale',
    );
    await rejects(classifier(1), 4, 'the model returns [1] for an image');
    await rejects(classifier(3), 3, 'label 3 in row 3 is outside the 3 classes', sh`--data data`);
    const large = tf.sequential({ layers: [layers.dense({ inputShape: [25], units: 10 })] });
    await rejects(large, 3, 'images have 4 x 4 pixels, but the model takes [25]', sh`--data data`);
    await rejects(classifier(), 2, '--into: has no effect for a model.json', sh`--into base`);
    await writeFile(join(cwd, 'keras', 'group1-shard1of2.bin'), '');
    const { code, err } = await runCommand(cwd, sh`import keras/model.json --out run`);
    expect({ code, err }).toMatchObject({ code: 4, err: expect.stringContaining('bytes of weights') });
  });
});
