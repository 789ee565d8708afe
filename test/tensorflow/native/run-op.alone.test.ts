import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { record } from '../../../src/graph/index.ts';
import { runOp, runOpOutputs } from '../../../src/tensorflow/index.ts';
import { memoryCounts } from '../../helpers/memory.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

const int32 = { T: { type: 'int32' } } as const;

test('runs an op that tfjs has no function for', () => {
  const bits = runOp('BitwiseXor', int32, [tf.tensor1d([5, 6], 'int32'), tf.tensor1d([3, 3], 'int32')]);
  expect({ dtype: bits.dtype, values: [...bits.dataSync()] }).toEqual({ dtype: 'int32', values: [6, 5] });
});

test('returns all outputs asked for', () => {
  const attributes = { T: { type: 'float32' }, out_idx: { type: 'int32' } } as const;
  const [values, indices] = runOpOutputs('Unique', attributes, [tf.tensor1d([4, 4, 2])], 2);
  expect([...values!.dataSync()]).toEqual([4, 2]);
  expect([...indices!.dataSync()]).toEqual([0, 0, 1]);
});

test('uploads values for the call only', () => {
  const cast = { SrcT: { type: 'uint8' }, DstT: { type: 'float32' }, Truncate: { bool: false } } as const;
  const before = memoryCounts();
  const floats = runOp('Cast', cast, [{ dtype: 'uint8', shape: [2], values: Uint8Array.of(0, 255) }]);
  expect([...floats.dataSync()]).toEqual([0, 255]);
  floats.dispose();
  expect(() => runOp('NoSuchOp', cast, [{ dtype: 'uint8', shape: [1], values: Uint8Array.of(1) }])).toThrow();
  expect(memoryCounts()).toEqual(before);
});

test('can be recorded', () => {
  const { program } = record(
    (a, b) => [runOp('BitwiseXor', int32, [a!, b!])],
    [
      { shape: [2], dtype: 'int32' },
      { shape: [2], dtype: 'int32' },
    ],
  );
  expect(program.nodes.at(-1)).toMatchObject({ op: 'BitwiseXor', attributes: int32 });
});
