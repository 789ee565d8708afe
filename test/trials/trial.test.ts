import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { readTrial, type TrialSpec, trialFile, trialFolder, trialId } from '../../src/trials/trial.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { trial } from '../sweep/make-scores.ts';

const spec = {
  version: '0.1.0',
  base: 'ab',
  data: { train: 't', heldOut: 'h' },
  device: 'cpu',
  settings: { seed: 3, lora: { rank: 2, targets: ['b', 'a'] }, targetLabels: [3, 2] },
} as unknown as TrialSpec;

test('the name of a trial is the hash of its specification, in any order of keys', () => {
  // Python: hashlib.sha256(json.dumps(spec, sort_keys=True, separators=(',', ':')).encode()).hexdigest()[:16]
  expect(trialId(spec)).toBe('8c40b81b41fad864');
  const { version, base, data, device, settings } = spec;
  expect(trialId({ settings, device, data: { heldOut: 'h', train: data.train }, base, version })).toBe(
    trialId(spec),
  );
  for (const change of [{ version: '0.1.1' }, { device: 'cuda' }, { data: { train: 'h', heldOut: 't' } }])
    expect(trialId({ ...spec, ...change } as TrialSpec)).not.toBe(trialId(spec));
  const lists = { ...spec, settings: { ...settings, targetLabels: [2, 3] } };
  expect(trialId(lists)).not.toBe(trialId(spec));
});

test('the record of a trial is beside its run folder', () => {
  expect(trialFolder('out', 'id')).toBe(join('out', 'trials', 'id'));
  expect(trialFile('out', 'id')).toBe(join('out', 'trials', 'id.json'));
});

test('readTrial reads a record', async () => {
  const path = join(await temporaryFolder(), 'x.json');
  const record = trial(3, 10, 5, 100);
  await writeFile(path, JSON.stringify(record));
  expect(await readTrial(path)).toEqual(record);
  expect(record.id).toBe(trialId(record.spec));
});

const record = trial(3, 10, 5, 100);
const result = record.result!;
test.each([
  ['of another format', { ...record, format: 'x' }, 'not a trial of a sweep'],
  ['of a newer version', { ...record, formatVersion: 2 }, 'format version 2 is too new'],
  ['without a specification', { ...record, spec: undefined }, 'spec: missing'],
  ['with another status', { ...record, status: 'x' }, 'status: must be one of complete, failed ("x")'],
  [
    'with fewer parameters than none',
    { ...record, result: { ...result, trainableParameters: -1 } },
    'result.trainableParameters: must be at least 0 (-1)',
  ],
  [
    'with a part of an error',
    { ...record, result: { ...result, classes: [{ ...result.classes[0], errorsAfter: 0.5 }] } },
    'result.classes.0.errorsAfter: must be a whole number (0.5)',
  ],
  [
    'with a negative rank',
    { ...record, result: { ...result, effectiveRank: -1 } },
    'result.effectiveRank: must be at least 0 (-1)',
  ],
  [
    'with a negative time',
    { ...record, result: { ...result, elapsedMs: -1 } },
    'result.elapsedMs: must be at least 0 (-1)',
  ],
])('readTrial rejects a record %s', async (_, content, message) => {
  const path = join(await temporaryFolder(), 'x.json');
  await writeFile(path, JSON.stringify(content));
  await expect(readTrial(path)).rejects.toThrow(CheckpointError);
  await expect(readTrial(path)).rejects.toThrow(`${path}: ${message}`);
});
