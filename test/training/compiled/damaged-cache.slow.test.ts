import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../helpers/temporary.ts';

const program = `
  import * as tf from '@tensorflow/tfjs';
  import { loadTensorFlow } from './dist/tensorflow/index.js';
  import { classificationTask, createEngine } from './dist/training/index.js';
  await loadTensorFlow({ device: 'cpu' });
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 0 });
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 3, inputShape: [4], kernelInitializer })] });
  const images = Uint8Array.from({ length: 4 * 6 }, (_, index) => 10 * index);
  const labels = Uint8Array.of(0, 1, 2, 0, 1, 2);
  const task = classificationTask({
    model,
    dataset: { images, labels, count: 6, height: 2, width: 2, classes: 3 },
    normalization: { mean: 0, std: 1 },
    batchSize: 2,
    optimizer: { rule: { kind: 'adam' }, learningRate: 0.01 },
    seed: 0,
  });
  const engine = createEngine('xla', task, { steps: 3 });
  const losses = engine.run(Int32Array.of(0, 1, 2, 3, 4, 5));
  console.log(engine.name, ...losses);
`;

test('a small step is trained with XLA even if all compiled code in the cache is damaged', async () => {
  const cache = await temporaryFolder();
  const train = () =>
    execa(process.execPath, ['--input-type=module', '--eval', program], {
      env: { TF_XLA_FLAGS: `--tf_xla_persistent_cache_directory=${cache}` },
    });
  const { stdout } = await train();
  expect(stdout).toMatch(/^xla /);
  const files = readdirSync(cache);
  expect(files.length).toBeGreaterThan(1);
  for (const file of files) writeFileSync(join(cache, file), 'no compiled code');
  expect((await train()).stdout).toBe(stdout);
});
