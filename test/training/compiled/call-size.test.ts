import { expect, test } from 'vitest';
import type { Program } from '../../../src/graph/index.ts';
import { chooseCallSize } from '../../../src/training/compiled/call-size.ts';

/** A program of one op, whose result is the output. */
function programOf(op: string): Program {
  const outputs = [{ dtype: 'float32', shape: [] }] as const;
  const node = { kind: 'op', op, inputs: [], attributes: {}, outputs } as const;
  return { nodes: [node], inputs: [], variables: [], outputs: [{ node: 0, output: 0 }], assignments: [] };
}

const dense = programOf('MatMul');
const convolution = programOf('Conv2D');

test('a call on a GPU takes up to 2000 steps, fewer for large batches', () => {
  const sizeOf = (batchSize: number) => chooseCallSize(dense, { xla: 'gpu', batchSize, steps: 10 });
  expect([10, 128, 4096].map((batchSize) => sizeOf(batchSize))).toEqual([
    { capacity: 2000, fixed: false },
    { capacity: 1562, fixed: false },
    { capacity: 64, fixed: false },
  ]);
});

test('a call on a CPU takes up to 512 steps', () => {
  for (const xla of ['cpu', undefined] as const) {
    expect(chooseCallSize(convolution, { xla, batchSize: 10 })).toEqual({ capacity: 512, fixed: false });
  }
});

test('with convolutions on a GPU each call has the same number of steps, and few are unused at the end', () => {
  const sizeOf = (steps?: number) => chooseCallSize(convolution, { xla: 'gpu', batchSize: 10, steps });
  expect(sizeOf()).toEqual({ capacity: 2000, fixed: true });
  expect([6000, 2001, 4690, 20, 1, 0].map((steps) => sizeOf(steps).capacity)).toEqual([
    2000, 1001, 1564, 20, 1, 1,
  ]);
});
