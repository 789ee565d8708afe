import * as tf from '@tensorflow/tfjs';
import { afterEach, expect, test } from 'vitest';
import { compileFunction, RecordingError, record } from '../../src/graph/index.ts';
import { addAdapter, injectLora } from '../../src/lora/index.ts';
import { largestRelativeDifference } from '../helpers/engines.ts';
import { memoryCounts } from '../helpers/memory.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();
afterEach(() => tf.disposeVariables());

const optimizers: Record<string, () => tf.Optimizer> = {
  sgd: () => tf.train.sgd(0.1),
  momentum: () => tf.train.momentum(0.1, 0.9),
  nesterov: () => tf.train.momentum(0.1, 0.9, true),
  adagrad: () => tf.train.adagrad(0.1),
  adadelta: () => tf.train.adadelta(0.1),
  adam: () => tf.train.adam(0.1),
  adamax: () => tf.train.adamax(0.1, 0.9, 0.999, 1e-8, 0.01),
  rmsprop: () => tf.train.rmsprop(0.1, 0.9, 0.5),
  'centered rmsprop': () => tf.train.rmsprop(0.1, 0.9, 0.5, 1e-8, true),
};

type Step = (x: tf.Tensor) => tf.Tensor;

interface Fit {
  readonly weights: tf.Variable;
  readonly optimizer: tf.Optimizer;
  readonly step: Step;
}

/** One step of an optimizer towards x. `listed`: the variables are passed to the optimizer. */
function startFit(name: string, listed = true): Fit {
  const weights = tf.variable(tf.tensor1d([1, -2, 0.5]));
  const optimizer = optimizers[name]!();
  const loss = (x: tf.Tensor) => tf.sum(tf.square(tf.sub(weights, x))) as tf.Scalar;
  const step = (x: tf.Tensor) => optimizer.minimize(() => loss(x), true, listed ? [weights] : undefined)!;
  return { weights, optimizer, step };
}

/** Takes steps towards changing targets. Returns the loss and the values of all variables after each. */
function trajectory({ step }: Pick<Fit, 'step'>, steps = 5): number[][] {
  const rows: number[][] = [];
  for (let index = 0; index < steps; index++) {
    const x = tf.tensor1d([4, 2, 3 - index]);
    const loss = step(x);
    rows.push([loss, ...variables()].flatMap((tensor) => [...tensor.dataSync()]));
    tf.dispose([x, loss]);
  }
  return rows;
}

const variables = () => Object.values(tf.engine().state.registeredVariables);

/** TensorFlow may round differently where it replaces ops of a graph. */
function expectEqualUpToRounding(actual: number[][], expected: number[][]): void {
  expect(actual.map((row) => row.length)).toEqual(expected.map((row) => row.length));
  expect(largestRelativeDifference(actual.flat(), expected.flat())).toBeLessThan(1e-6);
}

test.for(Object.keys(optimizers).flatMap((name) => [true, false].map((listed) => [name, listed] as const)))(
  'a compiled step of %s gives the weights, state and counter of an eager one (variables listed: %s)',
  ([name, listed]) => {
    const eager = startFit(name, listed);
    const expected = trajectory(eager);
    tf.disposeVariables();
    const compiledFit = startFit(name, listed);
    const step = compileFunction(compiledFit.step);
    expectEqualUpToRounding(trajectory({ ...compiledFit, step }), expected);
    expect(compiledFit.optimizer.iterations).toBe(5);
    step.dispose();
    tf.disposeVariables();
  },
);

test.for(Object.keys(optimizers))(
  'after a refused recording, %s steps eagerly as if there had been none',
  (name) => {
    const expected = trajectory(startFit(name));
    tf.disposeVariables();
    const { step, ...rest } = startFit(name);
    const reading = compileFunction((x) => {
      const loss = step(x!);
      if (loss.dataSync()[0]! < 0) throw new Error('unexpected');
      return loss;
    });
    const throwing = compileFunction((x) => {
      tf.engine().startScope('left open');
      step(x!);
      throw new RangeError('mine');
    });
    const x = tf.tensor1d([7, 8, 9]);
    expect(() => reading(x)).toThrow(RecordingError);
    expect(() => throwing(x)).toThrow(new RangeError('mine'));
    x.dispose();
    expect(rest.optimizer.iterations).toBe(0);
    expectEqualUpToRounding(trajectory({ step, ...rest }), expected);
    tf.disposeVariables();
  },
);

test('compiled and eager steps of one optimizer can alternate', () => {
  const expected = trajectory(startFit('adam'), 6);
  tf.disposeVariables();
  const alternating = startFit('adam');
  const compiled = compileFunction(alternating.step);
  let calls = 0;
  const step: Step = (x) => (calls++ % 3 === 0 ? alternating.step(x) : compiled(x));
  expectEqualUpToRounding(trajectory({ ...alternating, step }, 6), expected);
  compiled.dispose();
  tf.disposeVariables();
});

test('a variable that the function creates starts with the value of the first call', () => {
  let sum: tf.Variable | undefined;
  const compiled = compileFunction((x) => {
    sum ??= tf.variable(tf.mul(x!, 10));
    sum.assign(tf.add(sum, x!));
    return sum.clone();
  });
  const results = [1, 2, 3].map((value) => {
    const x = tf.scalar(value);
    return compiled(x).dataSync()[0];
  });
  expect(results).toEqual([11, 13, 16]);
  expect(sum!.dataSync()[0]).toBe(16);
  compiled.dispose();
});

test('layers that are built while recording keep their first weights, also BatchNormalization', () => {
  const make = () => tf.layers.batchNormalization({ momentum: 0.5, name: 'late_normalization' });
  const images = [
    tf.tensor2d([
      [1, 2],
      [3, 8],
    ]),
    tf.tensor2d([
      [0, 1],
      [2, 0],
    ]),
  ];
  const run = (apply: Step, layer: tf.layers.Layer) => {
    for (const x of images) apply(x).dispose();
    return layer.getWeights().map((weight) => [...weight.dataSync()]);
  };
  const eagerLayer = make();
  const expected = run((x) => eagerLayer.apply(x, { training: true }) as tf.Tensor, eagerLayer);
  eagerLayer.dispose();
  const layer = make();
  const compiled = compileFunction((x) => layer.apply(x!, { training: true }) as tf.Tensor);
  expect(run(compiled, layer)).toEqual(expected);
  compiled.dispose();
  layer.dispose();
});

test('records again when settings of an optimizer change', () => {
  const steps = (compile: boolean) => {
    const { optimizer, step } = startFit('adam');
    const compiled = compile ? compileFunction(step) : step;
    const rows = trajectory({ step: compiled }, 2);
    Object.assign(optimizer, { learningRate: 0.01 });
    rows.push(...trajectory({ step: compiled }, 2));
    tf.disposeVariables();
    return rows;
  };
  expectEqualUpToRounding(steps(true), steps(false));
});

test('records again when other variables are trainable', () => {
  const steps = (compile: boolean) => {
    const [a, b] = [tf.variable(tf.scalar(4)), tf.variable(tf.scalar(1), false)];
    const optimizer = tf.train.sgd(0.1);
    const step: Step = (x) =>
      optimizer.minimize(() => tf.sum(tf.square(tf.sub(tf.mul(a, b), x))) as tf.Scalar, true)!;
    const compiled = compile ? compileFunction(step) : step;
    const rows = trajectory({ step: compiled }, 1);
    a.trainable = false;
    b.trainable = true;
    rows.push(...trajectory({ step: compiled }, 2));
    tf.disposeVariables();
    return rows;
  };
  expectEqualUpToRounding(steps(true), steps(false));
});

test('records again when a layer gets an adapter', () => {
  const base = tf.sequential({
    layers: [
      tf.layers.dense({
        units: 2,
        inputShape: [3],
        kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }),
      }),
    ],
  });
  const model = injectLora(base, { rank: 2 });
  const compiled = compileFunction((x) => model.apply(x!) as tf.Tensor);
  const x = tf.tensor2d([[1, 2, 3]]);
  compiled(x);
  addAdapter(model, 'second', { rank: 1 });
  for (const weight of model.weights)
    if (weight.originalName.includes('second'))
      (weight.read() as tf.Variable).assign(tf.ones(weight.shape as number[]));
  const eager = model.predict(x) as tf.Tensor;
  expect([...compiled(x).dataSync()]).toEqual([...eager.dataSync()]);
  compiled.dispose();
});

test('a function that disposes what was created outside is refused before anything is freed', () => {
  let state = tf.scalar(5);
  const weights = tf.variable(tf.scalar(2), false);
  const replacing = compileFunction((x) => {
    const next = tf.keep(tf.add(state, x!)) as tf.Scalar;
    state.dispose();
    state = next;
    return next.clone();
  });
  expect(() => replacing(tf.scalar(1))).toThrow(/^the function: disposes a tensor that was created outside/);
  expect(state.dataSync()[0]).toBe(5);
  const disposing = compileFunction((x) => {
    const product = tf.mul(weights, x!);
    weights.dispose();
    return product;
  });
  expect(() => disposing(tf.scalar(1))).toThrow(/^the function: disposes a variable \('.*'\)/);
  expect(weights.isDisposed).toBe(false);
  const own = compileFunction((x) => {
    const square = tf.square(x!);
    x!.dispose();
    return square;
  });
  expect(own(tf.scalar(3)).dataSync()[0]).toBe(9);
  own.dispose();
  tf.dispose([state, weights]);
});

test('a stateful layer is refused, and its state is as before', () => {
  const layer = tf.layers.simpleRNN({
    units: 1,
    stateful: true,
    batchInputShape: [1, 1, 1],
    name: 'stateful_rnn',
    kernelInitializer: 'ones',
    recurrentInitializer: 'ones',
  });
  const x = tf.ones([1, 1, 1]);
  const model = tf.sequential({ layers: [layer] });
  const first = (model.apply(x) as tf.Tensor).dataSync()[0]!;
  const compiled = compileFunction((input) => model.apply(input!) as tf.Tensor);
  expect(() => compiled(x)).toThrow(/^layer '.*': is stateful/);
  expect((model.apply(x) as tf.Tensor).dataSync()[0]).toBeCloseTo(Math.tanh(1 + first), 5);
});

test('a tensor that the function creates once and keeps becomes a constant', () => {
  let mask: tf.Tensor | undefined;
  const compiled = compileFunction((x) => {
    mask ??= tf.tensor1d([1, 0, 1]);
    return tf.mul(x!, mask);
  });
  const x = tf.tensor1d([1, 2, 3]);
  expect([...compiled(x).dataSync()]).toEqual([1, 0, 3]);
  expect([...compiled(x).dataSync()]).toEqual([1, 0, 3]);
  expect([...mask!.dataSync()]).toEqual([1, 0, 1]);
  compiled.dispose();
  tf.dispose([x, mask!]);
});

test('inputs may be the same tensor or a variable', () => {
  const w = tf.variable(tf.scalar(3), false);
  const compiled = compileFunction((a, b) => tf.sub(tf.mul(a!, 10), tf.add(b!, w)));
  expect(compiled(w, w).dataSync()[0]).toBe(24);
  const two = tf.scalar(2);
  expect(compiled(two, two).dataSync()[0]).toBe(15);
  expect(compiled(w, two).dataSync()[0]).toBe(25);
  compiled.dispose();
  w.dispose();
});

test('reports a program that has changed: a JavaScript value, a captured tensor, an error', () => {
  let factor = 2;
  let captured = tf.scalar(1);
  let fails = false;
  const recording = record(
    (x) => {
      if (fails) throw new Error('fails');
      return [tf.add(tf.mul(x!, factor), captured)];
    },
    [{ shape: [2], dtype: 'float32' }],
  );
  expect(recording.hasChanged()).toBe(false);
  factor = 3;
  expect(recording.hasChanged()).toBe(true);
  factor = 2;
  captured = tf.scalar(4);
  expect(recording.hasChanged()).toBe(true);
  captured = tf.scalar(1);
  expect(recording.hasChanged()).toBe(false);
  fails = true;
  expect(recording.hasChanged()).toBe(true);
  expect(recording.isStale()).toBe(false);
});

test('recording a step of an optimizer leaves only its variables behind', () => {
  const { step } = startFit('adam');
  const compiled = compileFunction(step);
  const x = tf.tensor1d([1, 2, 3]);
  compiled(x).dispose();
  compiled.dispose();
  const before = memoryCounts();
  compiled(x).dispose();
  compiled.dispose();
  expect(memoryCounts()).toEqual(before);
  tf.disposeVariables();
});
