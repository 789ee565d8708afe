import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import {
  addAdapter,
  deleteAdapter,
  disableAdapters,
  enableAdapters,
  injectLora,
  setActiveAdapters,
  setAdapterStrength,
} from '../../src/lora/index.ts';
import {
  createEngine,
  type Engine,
  type LossFunction,
  type TrainingTask,
  trainingTask,
} from '../../src/training/index.ts';
import { largestRelativeDifference, rowsOf } from './engines.ts';
import { smallNet, smallTask, stripes } from './small-task.ts';

/** A task, and something that changes between two calls of an engine. */
export interface Subject {
  readonly task: TrainingTask;
  /** Changes something between two calls of `run`. */
  change(engine: Engine): void;
}

const STEPS = 3;
/** The mean square of predictions, times a factor. */
export const mse = (predictions: tf.Tensor, factor: tf.Tensor | number = 1) =>
  tf.mul(factor, tf.mean(tf.square(predictions))) as tf.Scalar;

/** A model with an active adapter, whose B is not zero, and an inactive one. */
export function adapted(): tf.LayersModel {
  const model = injectLora(smallNet(), { rank: 2 });
  addAdapter(model, 'other', { rank: 1 });
  setActiveAdapters(model, ['default']);
  weightsNamed(model, 'lora_B').forEach((weight, index) => {
    weight.assign(tf.randomNormal(weight.shape, 0, 0.5, 'float32', index + 1));
  });
  return model;
}

/** The variables of the weights whose name contains `name`. */
export function weightsNamed(model: tf.LayersModel, name: string): tf.Variable[] {
  return model.weights
    .filter((weight) => weight.originalName.includes(name))
    .map((weight) => weight.read() as tf.Variable);
}

const double = (variable: tf.Variable) => tf.tidy(() => variable.assign(tf.mul(variable, 2)));

/** A task with a loss of the caller. */
export function withLoss(
  loss: LossFunction,
  options: Partial<Parameters<typeof smallTask>[0]> = {},
): TrainingTask {
  return smallTask({ model: adapted(), loss, ...options });
}

/** Runs steps, the change, and steps again. Returns the losses, then the trained weights. */
export function results(name: 'eager' | 'graph' | 'xla', subject: Subject, isChanged = true): number[] {
  const { task } = subject;
  const notes: string[] = [];
  const engine = createEngine(name, task, { steps: 2 * STEPS, note: (line) => notes.push(line) });
  try {
    const first = engine.run(rowsOf(task, STEPS));
    if (isChanged) subject.change(engine);
    const second = engine.run(rowsOf(task, STEPS, STEPS));
    const { weights } = engine.state();
    expect(engine.name).toBe(name);
    return [...first, ...second, ...[...weights.values()].flatMap((values) => [...values])];
  } finally {
    engine.dispose();
    tf.disposeVariables();
  }
}

/** All that may change between two calls of `run`, by name. */
export const changes: Record<string, () => Subject> = {
  'the strength of an adapter': () => {
    const model = adapted();
    return { task: smallTask({ model }), change: () => setAdapterStrength(model, 0.25) };
  },
  'adapters that are disabled': () => {
    const model = adapted();
    return { task: smallTask({ model }), change: () => disableAdapters(model) };
  },
  'adapters that are enabled': () => {
    const model = adapted();
    disableAdapters(model);
    return { task: smallTask({ model }), change: () => enableAdapters(model) };
  },
  'a frozen weight that is assigned': () => {
    const model = adapted();
    return { task: smallTask({ model }), change: () => double(weightsNamed(model, 'out/kernel')[0]!) };
  },
  'setWeights of the model': () => {
    const model = adapted();
    return {
      task: smallTask({ model }),
      change: (engine) => {
        engine.syncModel();
        tf.tidy(() => model.setWeights(model.getWeights().map((weight) => tf.mul(weight, 0.5))));
      },
    };
  },
  'a trained weight that is assigned': () => {
    const model = smallNet();
    return {
      task: smallTask({ model }),
      change: (engine) => {
        engine.syncModel();
        double(weightsNamed(model, 'hidden/kernel')[0]!);
        engine.state();
      },
    };
  },
  'a trained weight that is assigned before the model is synchronized again': () => {
    const model = smallNet();
    return {
      task: smallTask({ model }),
      change: (engine) => {
        engine.syncModel();
        double(weightsNamed(model, 'hidden/kernel')[0]!);
        engine.syncModel();
      },
    };
  },
  'a restored state': () => {
    const model = smallNet();
    return {
      task: smallTask({ model }),
      change: (engine) => {
        const state = engine.state();
        engine.syncModel();
        double(weightsNamed(model, 'hidden/kernel')[0]!);
        engine.run(rowsOf(smallTask(), 1));
        const weights = new Map(
          [...state.weights].map(([name, values]) => [name, values.map((value) => -value)]),
        );
        engine.restore({ ...state, weights });
      },
    };
  },
  'a variable in the loss': () => {
    const factor = tf.variable(tf.scalar(1), false);
    return { task: withLoss((p) => mse(p, factor)), change: () => factor.assign(tf.scalar(10)) };
  },
  'a variable in the loss that is disposed and replaced': () => {
    let factor = tf.variable(tf.scalar(1), false);
    return {
      task: withLoss((p) => mse(p, factor)),
      change: () => {
        factor.dispose();
        factor = tf.variable(tf.scalar(10), false);
      },
    };
  },
  'a tensor in the loss that is replaced': () => {
    let factor = tf.scalar(1);
    return {
      task: withLoss((p) => mse(p, factor)),
      change: () => {
        factor = tf.scalar(10);
      },
    };
  },
  'a JavaScript number in the loss': () => {
    let factor = 1;
    return {
      task: withLoss((p) => mse(p, factor)),
      change: () => {
        factor = 10;
      },
    };
  },
  'a JavaScript number in the preparation of inputs': () => {
    let factor = 1;
    const { images, labels, count } = stripes();
    const task = trainingTask({
      model: adapted(),
      data: {
        rows: count,
        inputs: [{ values: images, featureShape: [16] }],
        labels: { values: labels, featureShape: [] },
      },
      batchSize: 6,
      optimizer: { rule: { kind: 'sgd' }, learningRate: 1e-2 },
      seed: 0,
      prepare: (inputs: tf.Tensor2D[]) => inputs.map((input) => tf.div(input, 255 * factor)),
    });
    return {
      task,
      change: () => {
        factor = 2;
      },
    };
  },
  'a JavaScript number in a loss that is written by hand': () => {
    let factor = 1;
    const task = smallTask({ model: adapted() });
    const { loss } = task;
    return {
      task: { ...task, loss: (inputs, labels) => tf.mul(loss(inputs, labels), factor) as tf.Scalar },
      change: () => {
        factor = 10;
      },
    };
  },
  'another loss, clipping and learning rate of the task': () => {
    const base = smallTask({ model: adapted() });
    const task = { ...base, optimizer: { ...base.optimizer } };
    return {
      task,
      change: () => {
        Object.assign(task, { loss: withLoss((p) => mse(p)).loss, seed: 5 });
        Object.assign(task, {
          loss: (...batch: Parameters<typeof base.loss>) => tf.mul(base.loss(...batch), 2),
        });
        Object.assign(task.optimizer, { clipNorm: 1e-3, learningRate: 0.1 });
      },
    };
  },
  'a variable that the loss assigns': () => {
    const mean = tf.variable(tf.scalar(1), false);
    const task = withLoss((p) => {
      mean.assign(tf.add(tf.mul(mean, 0.5), tf.mean(p)) as tf.Scalar);
      return mse(p, mean);
    });
    return { task, change: () => double(mean) };
  },
  'an adapter that is added, inactive': () => {
    const model = adapted();
    return {
      task: smallTask({ model }),
      change: () => {
        addAdapter(model, 'third', { rank: 1 });
        setActiveAdapters(model, ['default']);
        setAdapterStrength(model, 0.5);
      },
    };
  },
  'an inactive adapter that is deleted': () => {
    const model = adapted();
    return {
      task: smallTask({ model }),
      change: () => {
        deleteAdapter(model, 'other');
        setAdapterStrength(model, 0.5);
      },
    };
  },
};

/** Checks that a change counts from the next call on, and that an engine then trains as the eager engine does. */
export function expectChange(name: string, engine: 'graph' | 'xla'): void {
  const subject = changes[name]!;
  const eager = results('eager', subject());
  const unchanged = results('eager', subject(), false);
  expect(largestRelativeDifference(eager, unchanged)).toBeGreaterThan(1e-3);
  const compiled = results(engine, subject());
  expect(compiled.length).toBe(eager.length);
  expect(largestRelativeDifference(compiled, eager)).toBeLessThan(1e-4);
}
