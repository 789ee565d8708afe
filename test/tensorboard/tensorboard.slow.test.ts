import { expect, test } from 'vitest';
import { createEventWriter } from '../../src/tensorboard/index.ts';
import { runPython, withPython } from '../helpers/python.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const READ = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
print(json.dumps({tag: [[e.step, e.value, e.wall_time] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}))
`;

async function readByTensorBoard(folder: string): Promise<Record<string, [number, number, number][]>> {
  return JSON.parse(await runPython(READ, [folder]));
}

test.runIf(withPython)('TensorBoard reads every scalar with its step and wall time', async () => {
  const folder = await temporaryFolder();
  const writer = await createEventWriter(folder, { now: () => 1_700_000_000_250 });
  const losses = Array.from({ length: 500 }, (_, index) => Math.fround(2.3 * Math.exp(-index / 100)));
  await writer.write(losses.map((loss, step) => ({ step, values: { loss, learning_rate: 0.001 } })));
  await writer.write([{ step: 500, values: { 'accuracy/é 3': 0.5 } }]);
  await writer.close();
  const read = await readByTensorBoard(folder);
  expect(Object.keys(read).sort()).toEqual(['accuracy/é 3', 'learning_rate', 'loss']);
  expect(read.loss).toEqual(losses.map((loss, step) => [step, loss, 1_700_000_000.25]));
  expect(read.learning_rate![499]![1]).toBeCloseTo(0.001, 9);
  expect(read['accuracy/é 3']).toEqual([[500, 0.5, 1_700_000_000.25]]);
});

test.runIf(withPython)('TensorBoard drops earlier values of steps that a resumed run repeats', async () => {
  const folder = await temporaryFolder();
  const first = await createEventWriter(folder, { now: () => 1_700_000_000_000 });
  await first.write([0, 1, 2, 3].map((step) => ({ step, values: { loss: 10 + step } })));
  await first.close();
  const second = await createEventWriter(folder, { now: () => 1_700_000_100_000, resumedAt: 2 });
  await second.write([2, 3, 4].map((step) => ({ step, values: { loss: 20 + step } })));
  await second.close();
  expect((await readByTensorBoard(folder)).loss!.map(([step, loss]) => [step, loss])).toEqual([
    [0, 10],
    [1, 11],
    [2, 22],
    [3, 23],
    [4, 24],
  ]);
});
