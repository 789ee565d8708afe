import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { TensorFlowError, TrainingError } from '../../src/errors.ts';
import { createEvaluator } from '../../src/inference/index.ts';
import { createEngine, type TaskOptions, trainingTask } from '../../src/training/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice('wasm');

/** Takes the amplitudes of the spectrum. */
class Spectrum extends tf.layers.Layer {
  static className = 'Spectrum';

  override call([input]: tf.Tensor[]): tf.Tensor {
    return tf.abs(tf.fft(tf.complex(input!, tf.zerosLike(input!))));
  }
}
tf.serialization.registerClass(Spectrum);

const spectrum = () =>
  tf.sequential({
    layers: [tf.layers.flatten({ inputShape: [4, 4, 1] }), new Spectrum({}), tf.layers.dense({ units: 3 })],
  });
/** Creates an engine; expects that no weight changed and that nothing was noted. */
function engineError(model: tf.LayersModel, options: Partial<TaskOptions> = {}): unknown {
  const task = trainingTask({
    model,
    data: {
      rows: 4,
      inputs: [{ values: new Float32Array(64).fill(0.5), featureShape: [4, 4, 1] }],
      labels: { values: Int32Array.of(0, 1, 2, 0), featureShape: [] },
    },
    batchSize: 2,
    optimizer: { rule: { kind: 'sgd' }, learningRate: 0.1 },
    seed: 0,
    ...options,
  });
  const notes: string[] = [];
  try {
    createEngine('auto', task, { steps: 2, note: (line) => notes.push(line) }).dispose();
    return undefined;
  } catch (error) {
    expect(notes).toEqual(['engine eager: graphs need native TensorFlow']);
    return error;
  }
}

test('an op that wasm lacks is named before training', () => {
  const error = engineError(spectrum());
  expect(error).toBeInstanceOf(TensorFlowError);
  expect((error as Error).message).toBe(
    "op 'Complex' of the model: tfjs' backend 'wasm' has no kernel for it; use native TensorFlow, or plain JavaScript (js)",
  );
});

test('an op without a gradient is named before training', () => {
  const model = tf.sequential({
    layers: [tf.layers.flatten({ inputShape: [4, 4, 1] }), tf.layers.dense({ units: 3 })],
  });
  const loss: TaskOptions['loss'] = (outputs) => tf.mean(tf.cumprod(outputs, 1));
  const error = engineError(model, { loss });
  expect(error).toBeInstanceOf(TrainingError);
  expect((error as Error).message).toContain(
    "op 'Cumprod' of the model or the loss: tfjs has no gradient for it",
  );
});

test('an op that wasm lacks is named when a model is evaluated', () => {
  const images = {
    images: new Uint8Array(32),
    labels: new Uint8Array(2),
    count: 2,
    height: 4,
    width: 4,
    classes: 3,
  };
  const evaluator = createEvaluator(spectrum(), { normalization: { mean: 0, std: 1 } });
  expect(() => evaluator.evaluate(images)).toThrow("op 'Complex' of the model: tfjs' backend 'wasm'");
});
