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
});
