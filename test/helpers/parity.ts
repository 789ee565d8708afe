import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import type { Sampler } from '../../src/mnist-data-loader/index.ts';
import { createDigitsNet, mnistNormalization } from '../../src/models/index.ts';
import {
  float32Values,
  int32Values,
  readSafetensors,
  type Safetensors,
} from '../../src/safetensors/index.ts';
import { classificationTask } from '../../src/training/index.ts';
import { type EngineKind, engineOf } from './engines.ts';
import { mnist } from './mnist.ts';

export type Phase = 'pretrain' | 'method1' | 'method2' | 'peft';

/** What PyTorch or PEFT computed: the loss of each step, wrong counts per digit, trainable values. */
export interface ExpectedPhase {
  readonly losses: readonly number[];
  readonly wrong: readonly number[];
  readonly trainable?: number;
}

export interface ParityFixture {
  /** DigitsNet with the weights before (`init`) or after (`trained`) the 300 steps of pretraining. */
  model(weights: 'init' | 'trained'): tf.Sequential;
  /** A tensor of the fixture by name, as PyTorch stores it. */
  tensor(name: string): tf.Tensor;
  /** The rows of each step: 300 of pretraining (`order`), 100 of fine-tuning (`fine_order`). */
  order(name: 'order' | 'fine_order'): Sampler;
  readonly expected: Readonly<Record<Phase, ExpectedPhase>>;
}

const FOLDER = new URL('../fixtures/parity/', import.meta.url);

/** Reads the golden data of PyTorch and PEFT; what it gives is the caller's to dispose. */
export async function parityFixture(): Promise<ParityFixture> {
  const { tensors } = await readSafetensors(new URL('inputs.safetensors', FOLDER).pathname);
  const expected = JSON.parse(await readFile(new URL('expected.json', FOLDER), 'utf8'));
  const tensor = (name: string) => tensorNamed(tensors, name);
  return {
    expected,
    tensor,
    model(weights) {
      const model = createDigitsNet({ head: 'relu' });
      tf.tidy(() => {
        for (const { name } of model.layers) {
          const kernel = tensor(`${weights}.${name}.weight`).transpose();
          model.getLayer(name).setWeights([kernel, tensor(`${weights}.${name}.bias`)]);
        }
      });
      return model;
    },
    order(name) {
      const rows = int32Values(name, tensors.get(name)!);
      return { take: (first, count) => rows.slice(first, first + count) };
    },
  };
}

function tensorNamed(tensors: Safetensors['tensors'], name: string): tf.Tensor {
  const found = tensors.get(name)!;
  return tf.tensor(float32Values(name, found).slice(), [...found.shape]);
}

/** Trains a model as the fixture did, ten rows of MNIST a step with Adam, and gives the loss of each step. */
export async function parityLosses(
  kind: EngineKind,
  model: tf.LayersModel,
  order: Sampler,
  steps: number,
): Promise<Float32Array> {
  const { train: dataset } = await mnist();
  const optimizer = { rule: { kind: 'adam' }, learningRate: 1e-3 } as const;
  const setting = { model, dataset, normalization: mnistNormalization, batchSize: 10, optimizer, seed: 0 };
  const engine = engineOf(kind, classificationTask(setting));
  try {
    const losses = engine.run(order.take(0, 10 * steps));
    engine.syncModel();
    return losses;
  } finally {
    engine.dispose();
  }
}

/** The largest difference between two lists of numbers of the same length. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} numbers against ${b.length}`);
  return Array.from(a).reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}
