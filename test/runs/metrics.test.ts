import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { readMetrics, writeMetrics } from '../../src/runs/metrics.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('losses are written one per line and read back bit for bit', async () => {
  const path = join(await temporaryFolder(), 'metrics.jsonl');
  const losses = Float32Array.from({ length: 120_000 }, (_, index) => 1 / (index + 3));
  await writeMetrics(path, losses);
  expect((await readFile(path, 'utf8')).split('\n').slice(99_999, 100_002)).toEqual(
    [100_000, 100_001, 100_002].map((step) => {
      return JSON.stringify({ step, loss: Number(losses[step - 1]!.toPrecision(9)) });
    }),
  );
  const read = await readMetrics(path);
  expect(read.length).toBe(losses.length);
  expect(read.every((loss, index) => loss === losses[index])).toBe(true);
});

test('empty lines are skipped', async () => {
  const path = join(await temporaryFolder(), 'metrics.jsonl');
  await writeFile(path, '{"step":1,"loss":2}\n\n{"step":2,"loss":1}');
  expect([...(await readMetrics(path))]).toEqual([2, 1]);
});

test.each(
  ['{"st', '{}', '1', 'null', '{"loss":1}', '{"step":3,"loss":1}', '{"step":2,"loss":"1"}'].concat([
    '{"step":2,"loss":null}',
    '{"step":2,"loss":1e999}',
    '{"step":2,"loss":1e39}',
  ]),
)('the line %s is refused by its number', async (line) => {
  const path = join(await temporaryFolder(), 'metrics.jsonl');
  await writeFile(path, `{"step":1,"loss":2}\n\n${line}\n`);
  await expect(readMetrics(path)).rejects.toThrow(CheckpointError);
  await expect(readMetrics(path)).rejects.toThrow(
    /metrics.jsonl: line 3 is not the loss of step 2; .*damaged/,
  );
});
