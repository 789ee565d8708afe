import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { countOps, isRecording, RecordingError, record, type TensorFunction } from '../../src/graph/index.ts';
import { nativeBackend } from '../../src/tensorflow/index.ts';
import { memoryCounts } from '../helpers/memory.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const variables = () => Object.values(tf.engine().state.registeredVariables);
const pair = { shape: [2], dtype: 'float32' } as const;

test('a program contains ops, attributes, edges, constants and the variables it reads', () => {
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

test('assignments become part of the program and are undone', () => {
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
  const [assignment] = program.assignments;
  expect(program.nodes[assignment!.value.node]).toMatchObject({ op: 'Add' });
  tf.dispose([w, unread]);
});

test('variables that share a tensor are distinguished', () => {
  const shared = tf.tensor1d([1, 2]);
  const [a, b] = ['a', 'b'].map((name) => tf.variable(shared, true, `record/shared-${name}`));
  const { variables } = record((x) => [tf.add(x!, b!)], [pair]);
  expect(variables).toEqual([b]);
  tf.dispose([a, b, shared]);
});

test('layers may create their weights on the first run', () => {
  const layer = tf.layers.dense({ units: 3, name: 'late' });
  const { program } = record((x) => [layer.apply(x!) as tf.Tensor], [{ shape: [1, 2], dtype: 'float32' }]);
  expect(program.variables.map(({ name }) => name)).toEqual(['late/kernel', 'late/bias']);
  const ops = program.nodes.filter(({ kind }) => kind === 'op');
  expect(new Set(ops.map(({ layer }) => layer))).toEqual(new Set(['late']));
  layer.dispose();
});

test('gradients are recorded', () => {
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

test('gather is recorded although tfjs-node reads its indices', () => {
  const table = tf.variable(tf.tensor1d([1, 2]), true, 'record/table');
  const { program } = record(
    (rows) => [tf.gather(table, rows as tf.Tensor1D)],
    [{ shape: [3], dtype: 'int32' }],
  );
  expect(countOps(program).get('GatherV2')).toBe(1);
  table.dispose();
});

test('values that depend on no input or variable may be read', () => {
  expect(() => record((x) => [tf.mul(x!, tf.add(1, 2).dataSync()[0]!)], [pair])).not.toThrow();
});

test('a NaN constant equals itself on the second run', () => {
  expect(() => record((x) => [tf.mul(x!, tf.tensor1d([Number.NaN, 2]))], [pair])).not.toThrow();
});

const unseededDropout = tf.layers.dropout({ rate: 0.5, name: 'unseeded' });
class Branching extends tf.layers.Layer {
  static className = 'Branching';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const input = Array.isArray(inputs) ? inputs[0]! : inputs;
    return input.sum().dataSync()[0]! > 0 ? input : tf.neg(input);
  }
}
class Alternating extends tf.layers.Layer {
  static className = 'Alternating';
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const input = Array.isArray(inputs) ? inputs[0]! : inputs;
    return runs++ % 2 ? tf.neg(input) : tf.exp(input);
  }
}
const branching = new Branching({ name: 'branching' });
const alternating = new Alternating({ name: 'alternating' });
let runs = 0;

function gatherAfterReading(x: tf.Tensor): tf.Tensor[] {
  const rows = x.toInt();
  rows.dataSync();
  return [tf.gather(tf.tensor1d([1, 2]), rows as tf.Tensor1D)];
}

function sometimesAssigned(x: tf.Tensor): tf.Tensor[] {
  const w = variables().find(({ name }) => name === 'record/sometimes');
  const product = tf.mul(x, w!);
  if (runs++ % 2) w!.assign(product as tf.Tensor1D);
  return [product];
}

test.for<[string, TensorFunction, RegExp]>([
  [
    'a random mask',
    (x) => [unseededDropout.apply(x!, { training: true }) as tf.Tensor],
    /^layer 'unseeded': uses values from JavaScript that change on every run/,
  ],
  ['a counter', (x) => [tf.mul(x!, runs++)], /^op Mul: uses values from JavaScript that change on every run/],
  [
    'a constant that changes its shape',
    (x) => [tf.mean(tf.mul(tf.sum(x!), tf.ones([1 + (runs++ % 2)])))],
    /^the function: runs different ops on its second run/,
  ],
  [
    'values read into JavaScript',
    (x) => [tf.mul(x!, x!.sum().dataSync()[0]!)],
    /^the function: reads a tensor's values/,
  ],
  [
    'a branch in a layer',
    (x) => [branching.apply(x!) as tf.Tensor],
    /^layer 'branching': reads a tensor's values/,
  ],
  ['indices read before a gather', (x) => gatherAfterReading(x!), /^the function: reads a tensor's values/],
  [
    'an op that alternates',
    (x) => [runs++ % 2 ? tf.neg(x!) : tf.exp(x!)],
    /^the function: runs different ops on its second run \(starting at op \w+\)/,
  ],
  [
    'an op that alternates in a layer',
    (x) => [alternating.apply(x!) as tf.Tensor],
    /^the function: runs different ops on its second run \(starting in layer 'alternating'\)/,
  ],
  [
    'an op that is added every other time',
    (x) => [runs++ % 2 ? tf.neg(tf.exp(x!)) : tf.exp(x!)],
    /^the function: runs different ops on its second run/,
  ],
  [
    'an assignment every other time',
    (x) => sometimesAssigned(x!),
    /^the function: returns or assigns different tensors on its second run/,
  ],
  [
    'a new variable in each run',
    (x) => [tf.add(x!, tf.variable(tf.zeros([2]), false))],
    /^the function: creates a variable on every run \('.*'\)/,
  ],
  [
    'a tensor of strings',
    (x) => [x!, tf.tensor1d(['a']).reshape([1, 1])],
    /^the function: uses a tensor of strings/,
  ],
  ['a promise', (async (x: tf.Tensor) => [x]) as never, /^the function: returns a promise; it must return/],
])('%s is rejected in one line, and everything is as before', ([, fn, message]) => {
  const w = tf.variable(tf.tensor1d([3, 4]), false, 'record/sometimes');
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
  expect([...w.dataSync()]).toEqual([3, 4]);
  expect(tf.memory().numTensors).toBe(before);
  expect([...tf.add(1, 2).dataSync()]).toEqual([3]);
  w.dispose();
});

test('an error of the function is thrown unchanged, and variables are as before', () => {
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
  const recordOnce = () =>
    record(
      (x) => {
        w.assign(tf.add(w, x!) as tf.Tensor1D);
        return [tf.mul(w, x!)];
      },
      [pair],
    );
  recordOnce();
  const before = memoryCounts();
  for (let run = 0; run < 5; run++) recordOnce();
  expect(memoryCounts()).toEqual(before);
  w.dispose();
});
