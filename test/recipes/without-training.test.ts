import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import {
  adaptRun,
  exportAdapter,
  exportWeights,
  importAdapter,
  importWeights,
  inspectRun,
  inspectStep,
  mergeRun,
  predict,
  verifyRun,
} from '../../src/recipes/index.ts';
import { workplaceWithBase } from '../helpers/command.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

test('recipes that do not train preserve the outputs of a run, and free all tensors', async () => {
  const cwd = await workplaceWithBase();
  const data = join(cwd, 'data');
  const before = tf.memory().numTensors;

  const adapted = await adaptRun({ run: 'base', lora: { rank: 2 }, out: 'adapted', cwd });
  expect(adapted).toMatchObject({
    folder: join(cwd, 'adapted'),
    manifest: { adapter: { rank: 2, alpha: 2 } },
  });
  const { contentHash } = adapted.manifest;
  adapted.dispose();
  await expect(adaptRun({ run: 'adapted', cwd })).rejects.toThrow('the run already has an adapter');

  // B is zero, so that merging does not change the weights.
  const merged = await mergeRun({ run: 'adapted', cwd });
  expect(merged).toMatchObject({ folder: undefined, manifest: { contentHash } });
  merged.dispose();

  const { isMerged } = await exportWeights({ run: 'adapted', file: 'weights.safetensors', cwd });
  expect(isMerged).toBe(true);
  const imported = await importWeights({ weights: 'weights.safetensors', head: 'linear', cwd });
  expect(imported.manifest.contentHash).toBe(contentHash);
  imported.dispose();

  expect(await exportAdapter({ run: 'adapted', folder: 'peft', cwd })).toBe(contentHash);
  const reimported = await importAdapter({ adapter: 'peft', run: 'base', cwd });
  expect(reimported.manifest).toMatchObject({ contentHash, adapter: { rank: 2, alpha: 2, strength: 1 } });
  reimported.dispose();

  const files = [join(data, 't10k-images-idx3-ubyte')];
  expect((await predict({ run: 'base', files, rows: [3, 1], cwd })).predictions).toMatchObject([
    { row: 3 },
    { row: 1 },
  ]);
  expect((await inspectRun({ run: 'adapted', data, cwd })).warnings).toContainEqual(
    expect.stringContaining("adapter 'default' changes nothing"),
  );
  expect((await inspectStep({ run: 'adapted', data, cwd })).length).toBeGreaterThan(10);
  const outcomes = new Set<string>();
  for await (const { outcome } of verifyRun({ run: 'adapted', data, cwd })) outcomes.add(outcome);
  expect(outcomes).toEqual(new Set(['passed']));

  expect(tf.memory().numTensors).toBe(before);
});
