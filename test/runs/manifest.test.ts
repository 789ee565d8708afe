import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { parseManifest } from '../../src/runs/manifest.ts';

describe('parseManifest', () => {
  test.each([
    ['something else', { hello: 1 }, /is not the run.json of a run folder/],
    ['nothing', null, /is not the run.json of a run folder/],
    [
      'a newer format',
      { format: 'tfjs-lora run', formatVersion: 2 },
      /has format 2, this version reads up to 1/,
    ],
    ['missing fields', { format: 'tfjs-lora run', formatVersion: 1 }, /x\/run.json: command: .*damaged/],
  ])('refuses %s', (_, content, message) => {
    expect(() => parseManifest('x/run.json', content)).toThrow(CheckpointError);
    expect(() => parseManifest('x/run.json', content)).toThrow(message);
  });
});
