import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { parseManifest } from '../../src/runs/manifest.ts';

describe('parseManifest', () => {
  test.each([
    ['unrelated JSON', { hello: 1 }, /not the run.json of a run/],
    ['null', null, /not the run.json of a run/],
    ['a newer format version', { format: 'tfjs-lora run', formatVersion: 2 }, /format version 2 is too new/],
    ['missing fields', { format: 'tfjs-lora run', formatVersion: 1 }, /x\/run.json: command: .*damaged/],
  ])('rejects %s', (_, content, message) => {
    expect(() => parseManifest('x/run.json', content)).toThrow(CheckpointError);
    expect(() => parseManifest('x/run.json', content)).toThrow(message);
  });

  const manifest = {
    format: 'tfjs-lora run',
    formatVersion: 1,
    command: 'finetune',
    status: 'stopped',
    createdAt: '2026-01-01T00:00:00.000Z',
    options: {},
    seed: 0,
    versions: {},
    contentHash: 'abc',
    classNames: ['0', '1'],
    normalization: { mean: 0, std: 1 },
  };
  const training = { engine: 'eager', device: 'cpu', batchSize: 1, steps: 9, stepsDone: 9, elapsedMs: 1 };

  test.each([
    ['class names that are numbers', { classNames: [1] }, 'classNames.0: must be text (1)'],
    ['no class names', { classNames: [] }, 'classNames: must have at least 1 entry ([])'],
    ['no deviation', { normalization: { mean: 0, std: 0 } }, 'normalization.std: must be above 0 (0)'],
    [
      'more steps done than there are',
      { training: { ...training, stepsDone: 10 } },
      'training.stepsDone: must be at most 9 (10)',
    ],
    [
      'too many steps',
      { training: { ...training, steps: 2 ** 31 } },
      'training.steps: must be at most 100000000 (2147483648)',
    ],
    [
      'a target label without a class',
      { training: { ...training, targetLabels: [1, 2] } },
      'label 2 is outside the 2 classes',
    ],
  ])('rejects %s', (_, changes, message) => {
    expect(parseManifest('x/run.json', { ...manifest, training })).toMatchObject({ training });
    const parse = () => parseManifest('x/run.json', { ...manifest, ...changes });
    expect(parse).toThrow(CheckpointError);
    expect(parse).toThrow(message);
  });
});
