import { expect, test } from 'vitest';
import type { Program } from '../../../src/graph/program.ts';
import { callLength } from '../../../src/training/engines/call-length.ts';

/** A program of one op, whose result is the output. */
function programOf(op: string): Program {
  const outputs = [{ dtype: 'float32', shape: [] }] as const;
  const node = { kind: 'op', op, inputs: [], attributes: {}, outputs } as const;
  return { nodes: [node], inputs: [], variables: [], outputs: [{ node: 0, output: 0 }], assignments: [] };
}

const dense = programOf('MatMul');
const convolution = programOf('Conv2D');

test('calls are shorter for large batches on a GPU, and take any number of steps', () => {
  const turns = (batchSize: number) => callLength(dense, { xla: 'gpu', batchSize, steps: 10 });
  expect([10, 128, 4096].map((batchSize) => turns(batchSize))).toEqual([
    { turns: 2000, fixed: false },
    { turns: 1562, fixed: false },
    { turns: 64, fixed: false },
  ]);
  for (const xla of ['cpu', undefined] as const) {
    expect(callLength(convolution, { xla, batchSize: 10 })).toEqual({ turns: 512, fixed: false });
  }
});

test('with convolutions on a GPU their length is fixed, and fits the steps with hardly a turn too many', () => {
  const turns = (steps?: number) => callLength(convolution, { xla: 'gpu', batchSize: 10, steps });
  expect(turns()).toEqual({ turns: 2000, fixed: true });
  expect([6000, 2001, 4690, 20, 1, 0].map((steps) => turns(steps).turns)).toEqual([
    2000, 1001, 1564, 20, 1, 1,
  ]);
});
