import * as tf from '@tensorflow/tfjs';
import { afterEach, expect, test } from 'vitest';
import { TrainingError } from '../../../src/errors.ts';
import { deleteAdapter, setActiveAdapters } from '../../../src/lora/index.ts';
import { createEngine } from '../../../src/training/index.ts';
import {
  adapted,
  expectChange,
  mse,
  results,
  type Subject,
  weightsNamed,
  withLoss,
} from '../../helpers/engine-changes.ts';
import { largestRelativeDifference, rowsOf } from '../../helpers/engines.ts';
import { smallNet, smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();
afterEach(() => tf.disposeVariables());

// The other changes, and XLA: changes.slow.test.ts.
test.for([
  'the strength of an adapter',
  'a trained weight that is assigned',
  'a variable in the loss',
  'a JavaScript number in the loss',
])('%s counts from the next call on, as on the eager engine', (name) => {
  expectChange(name, 'graph');
});

const refused: Record<string, (model: tf.LayersModel) => void> = {
  'another active adapter': (model) => setActiveAdapters(model, ['other']),
  'an additional active adapter': (model) => setActiveAdapters(model, ['default', 'other']),
  'no active adapter': (model) => setActiveAdapters(model, []),
  'an active adapter that is deleted': (model) => deleteAdapter(model, 'default'),
  'a layer that is frozen': (model) => {
    model.getLayer('out').trainable = false;
  },
  'a variable that is frozen': (model) => {
    weightsNamed(model, 'lora_A')[0]!.trainable = false;
  },
};

test.for(
  Object.keys(refused).flatMap((name) =>
    (['eager', 'graph'] as const).map((engine) => [name, engine] as const),
  ),
)('%s is refused by the engine %s, because it changes what is trained', ([name, engineName]) => {
  const model = adapted();
  const task = smallTask({ model });
  const engine = createEngine(engineName, task, { steps: 2 });
  engine.run(rowsOf(task, 1));
  refused[name]!(model);
  expect(() => engine.run(rowsOf(task, 1))).toThrow(TrainingError);
  expect(() => engine.run(rowsOf(task, 1))).toThrow(
    /^weight '\w+\/\w+\/lora_[AB]': is (no longer|now) trainable, unlike when the engine was created; create a new engine$/,
  );
  engine.dispose();
});

test.for(['eager', 'graph'] as const)(
  'variables that the loss assigns have their values after each call, and none from creating the engine (%s)',
  (name) => {
    const count = tf.variable(tf.scalar(0), false);
    let lazy: tf.Variable | undefined;
    const task = withLoss((p) => {
      lazy ??= tf.variable(tf.scalar(100), false);
      count.assign(tf.add(count, 1) as tf.Scalar);
      lazy.assign(tf.sub(lazy, 1) as tf.Scalar);
      return mse(p);
    });
    const engine = createEngine(name, task, { steps: 10 });
    expect(engine.name).toBe(name);
    expect([count, lazy!].map((variable) => variable.dataSync()[0])).toEqual([0, 100]);
    engine.run(rowsOf(task, 3));
    engine.run(rowsOf(task, 2));
    expect([count, lazy!].map((variable) => variable.dataSync()[0])).toEqual([5, 95]);
    expect([...engine.state().weights.keys()].every((weight) => weight.includes('lora_'))).toBe(true);
    engine.dispose();
  },
);

test('a loss that uses another model with weights of the same names trains as eagerly', () => {
  const subject = (): Subject => {
    const teacher = smallNet({ seed: 9 });
    const model = smallNet();
    const task = smallTask({ model });
    const { loss } = task;
    return {
      task: {
        ...task,
        loss: (inputs, labels) => {
          const targets = teacher.apply(inputs[0]!) as tf.Tensor;
          return tf.add(
            loss(inputs, labels),
            mse(tf.sub(model.apply(inputs[0]!) as tf.Tensor, targets), 1e-4),
          ) as tf.Scalar;
        },
      },
      change: () => {},
    };
  };
  expect(largestRelativeDifference(results('graph', subject()), results('eager', subject()))).toBeLessThan(
    1e-4,
  );
});

test('a changed number is reported once, and an unchanged custom loss is not recorded again', () => {
  let factor = 1;
  let runs = 0;
  const task = withLoss((p) => {
    runs++;
    return mse(p, factor);
  });
  const notes: string[] = [];
  const engine = createEngine('graph', task, { steps: 10, note: (line) => notes.push(line) });
  const runsToCreate = runs;
  for (let call = 0; call < 3; call++) engine.run(rowsOf(task, 1));
  expect(runs - runsToCreate).toBe(3); // one run for each call, to compare
  expect(notes).toEqual([]);
  for (factor = 2; factor < 4; factor++) engine.run(rowsOf(task, 1));
  expect(notes).toEqual([
    expect.stringMatching(/^recording the step again: a value that it uses has changed/),
  ]);
  engine.dispose();
});

test('auto records the step once', () => {
  let runs = 0;
  const count = (name: 'auto' | 'graph', steps: number) => {
    runs = 0;
    const task = withLoss((p) => {
      runs++;
      return mse(p);
    });
    createEngine(name, task, { steps }).dispose();
    return runs;
  };
  expect(count('auto', 5000)).toBe(count('graph', 5000));
});

test('continues eagerly from the same state if the step cannot be recorded any more', () => {
  let reads = false;
  const make = () =>
    withLoss((p) => {
      const loss = mse(p);
      return reads ? (tf.mul(loss, loss.dataSync()[0]! > 0 ? 2 : 1) as tf.Scalar) : loss;
    });
  const run = (name: 'eager' | 'graph') => {
    reads = false;
    const task = make();
    const notes: string[] = [];
    const engine = createEngine(name, task, { steps: 10, note: (line) => notes.push(line) });
    const first = engine.run(rowsOf(task, 2));
    reads = true;
    const second = engine.run(rowsOf(task, 2, 2));
    engine.dispose();
    return { losses: [...first, ...second], name: engine.name, notes };
  };
  const graph = run('graph');
  expect(graph.name).toBe('eager');
  expect(graph.notes.at(-1)).toMatch(
    /^falling back to the eager engine: the function: reads a tensor's values/,
  );
  expect(largestRelativeDifference(graph.losses, run('eager').losses)).toBeLessThan(1e-5);
});
