import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { isRecording, RecordingError, record, type TensorFunction } from '../../src/graph/index.ts';
import { countOps } from '../../src/graph/program.ts';
import { nativeBackend } from '../../src/tensorflow/native/backend.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const variables = () => Object.values(tf.engine().state.registeredVariables);
const pair = { shape: [2], dtype: 'float32' } as const;

test('a program holds ops, attributes, edges, constants and the variables it reads', () => {
  const w = tf.variable(tf.tensor1d([3, 4]), true, 'record/w');
  const { program, variables } = record((x) => [tf.add(tf.mul(x!, w), tf.tensor1d([1, 2]))], [pair]);
  expect(variables).toEqual([w]);
  expect(program.variables).toEqual([{ name: 'record/w', dtype: 'float32', shape: [2] }]);
  expect(program.nodes.map(({ kind }) => kind)).toEqual(['input', 'variable', 'op', 'constant', 'op']);
  expect(program.nodes[2]).toMatchObject({
    op: 'Mul',
    attributes: { T: { type: 'float32' } },
    inputs: [
      { node: 0, output: 0 },
      { node: 1, output: 0 },
    ],
    outputs: [{ dtype: 'float32', shape: [2] }],
  });
  expect(program.nodes[3]).toMatchObject({ values: Float32Array.of(1, 2) });
  expect(program.outputs).toEqual([{ node: 4, output: 0 }]);
  w.dispose();
});

test('what the function assigns is part of the program, and is undone', () => {
  const w = tf.variable(tf.tensor1d([3, 4]), false, 'record/assigned');
  const unread = tf.variable(tf.tensor1d([0, 0]), false, 'record/unread');
  const { program } = record(
    (x) => {
      w.assign(tf.add(w, x!) as tf.Tensor1D);
      unread.assign(tf.square(w) as tf.Tensor1D);
      return [tf.neg(w)];
    },
    [pair],
  );
  expect([...w.dataSync()]).toEqual([3, 4]);
  expect(program.assignments.map(({ variable }) => program.variables[variable]!.name)).toEqual([
    'record/assigned',
    'record/unread',
  ]);
  const [ofW] = program.assignments;
  expect(program.nodes[ofW!.value.node]).toMatchObject({ op: 'Add' });
  tf.dispose([w, unread]);
});

test('variables that hold the same tensor are told apart', () => {
  const shared = tf.tensor1d([1, 2]);
  const [a, b] = ['a', 'b'].map((name) => tf.variable(shared, true, `record/shared-${name}`));
  const { variables } = record((x) => [tf.add(x!, b!)], [pair]);
  expect(variables).toEqual([b]);
  tf.dispose([a, b, shared]);
});

test('layers may build their weights while the function runs for the first time', () => {
  const layer = tf.layers.dense({ units: 3, name: 'late' });
  const { program } = record((x) => [layer.apply(x!) as tf.Tensor], [{ shape: [1, 2], dtype: 'float32' }]);
  expect(program.variables.map(({ name }) => name)).toEqual(['late/kernel', 'late/bias']);
  expect(program.nodes.filter(({ kind }) => kind === 'op').every(({ layer: of }) => of === 'late')).toBe(
    true,
  );
  layer.dispose();
});

test('gradients are recorded too', () => {
  const w = tf.variable(tf.tensor2d([[1], [2]]), true, 'record/gradient');
  const { program } = record(
    (x) => {
      const { grads } = tf.variableGrads(() => tf.mean(tf.matMul(x as tf.Tensor2D, w)), [w]);
      return [grads[w.name]!];
    },
    [{ shape: [3, 2], dtype: 'float32' }],
  );
  expect(countOps(program).get('BatchMatMulV2')).toBe(1);
  w.dispose();
});

test('gathering reads its indices to check them, which is no reading of values', () => {
  const table = tf.variable(tf.tensor1d([1, 2]), true, 'record/table');
  const { program } = record(
    (rows) => [tf.gather(table, rows as tf.Tensor1D)],
    [{ shape: [3], dtype: 'int32' }],
  );
  expect(countOps(program).get('GatherV2')).toBe(1);
  table.dispose();
});

test('a value that is the same whatever the inputs are may be read', () => {
  expect(() => record((x) => [tf.mul(x!, tf.add(1, 2).dataSync()[0]!)], [pair])).not.toThrow();
});

const random = tf.layers.dropout({ rate: 0.5, name: 'unseeded' });
class Reading extends tf.layers.Layer {
  static className = 'Reading';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const input = Array.isArray(inputs) ? inputs[0]! : inputs;
    return input.sum().dataSync()[0]! > 0 ? input : tf.neg(input);
  }
}
const reading = new Reading({ name: 'reading' });
let runs = 0;

test.for<[string, TensorFunction, RegExp]>([
  [
    'a random mask',
    (x) => [random.apply(x!, { training: true }) as tf.Tensor],
    /layer 'unseeded': uses values/,
  ],
  [
    'a counted number',
    (x) => [tf.mul(x!, runs++)],
    /op Mul: uses values from JavaScript that change on every run/,
  ],
  ['values read back', (x) => [tf.mul(x!, x!.sum().dataSync()[0]!)], /the function: reads a tensor's values/],
  [
    'a branch in a layer',
    (x) => [reading.apply(x!) as tf.Tensor],
    /layer 'reading': reads a tensor's values/,
  ],
  ['values read before gathering', (x) => gatherAfterReading(x!), /reads a tensor's values/],
  [
    'other ops in each run',
    (x) => [runs++ % 2 ? tf.neg(x!) : tf.exp(x!)],
    /runs different ops on its second run/,
  ],
  [
    'a variable in each run',
    (x) => [tf.add(x!, tf.variable(tf.zeros([2]), false))],
    /creates a variable on every run \('.*'\)/,
  ],
  ['a tensor of strings', (x) => [x!, tf.tensor1d(['a']).reshape([1, 1])], /uses a tensor of strings/],
  ['a promise', (async (x: tf.Tensor) => [x]) as never, /returns no list of tensors/],
])('%s is refused in one line, and nothing is left changed', ([, fn, message]) => {
  const { binding } = nativeBackend();
  const before = tf.memory().numTensors;
  const known = variables();
  let error: unknown;
  try {
    record(fn, [pair]);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(RecordingError);
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).not.toContain('\n');
  expect(isRecording()).toBe(false);
  expect(nativeBackend().binding).toBe(binding);
  tf.dispose(variables().filter((variable) => !known.includes(variable)));
  expect(tf.memory().numTensors).toBe(before);
  expect([...tf.add(1, 2).dataSync()]).toEqual([3]);
});

function gatherAfterReading(x: tf.Tensor): tf.Tensor[] {
  const rows = x.toInt();
  rows.dataSync();
  return [tf.gather(tf.tensor1d([1, 2]), rows as tf.Tensor1D)];
}

test('an error of the function itself comes through, and the variables are as before', () => {
  const w = tf.variable(tf.tensor1d([3, 4]), false, 'record/error');
  const fail = () => {
    w.assign(tf.tensor1d([0, 0]));
    throw new RangeError('mine');
  };
  expect(() => record(fail, [pair])).toThrow(new RangeError('mine'));
  expect([...w.dataSync()]).toEqual([3, 4]);
  w.dispose();
});

test('recording leaves no tensors behind', () => {
  const w = tf.variable(tf.tensor1d([3, 4]), false, 'record/leak');
  const once = () =>
    record(
      (x) => {
        w.assign(tf.add(w, x!) as tf.Tensor1D);
        return [tf.mul(w, x!)];
      },
      [pair],
    );
  once();
  const before = [tf.memory().numTensors, nativeBackend().binding.getNumOfTensors()];
  for (let run = 0; run < 5; run++) once();
  expect([tf.memory().numTensors, nativeBackend().binding.getNumOfTensors()]).toEqual(before);
  w.dispose();
});
