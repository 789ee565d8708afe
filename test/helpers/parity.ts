import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import type { Sampler } from '../../src/data/index.ts';
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

/** What PyTorch or PEFT computed in one phase. */
export interface ExpectedPhase {
  /** The loss of each step. */
  readonly losses: readonly number[];
  /** Misclassified test images per digit, after the phase. */
  readonly wrong: readonly number[];
  /** Number of trainable values. */
  readonly trainable?: number;
}

export interface ParityFixture {
  /** Creates a DigitsNet with the weights before (`init`) or after (`trained`) the 300 steps of pretraining. */
  model(weights: 'init' | 'trained'): tf.Sequential;
  /** Returns a tensor of the fixture, in PyTorch's layout. */
  tensor(name: string): tf.Tensor;
  /** Returns the rows of the 300 steps of pretraining (`order`) or the 100 steps of fine-tuning (`fine_order`). */
  sampler(name: 'order' | 'fine_order'): Sampler;
  readonly expected: Readonly<Record<Phase, ExpectedPhase>>;
}

const FOLDER = new URL('../fixtures/parity/', import.meta.url);

/** Reads the golden data of PyTorch and PEFT. The caller disposes the tensors and models that it creates. */
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
    sampler(name) {
      const rows = int32Values(name, tensors.get(name)!);
      return { take: (first, count) => rows.slice(first, first + count) };
    },
  };
}

function tensorNamed(tensors: Safetensors['tensors'], name: string): tf.Tensor {
  const stored = tensors.get(name)!;
  return tf.tensor(float32Values(name, stored).slice(), [...stored.shape]);
}

/** Trains a model as the fixture did, with Adam on ten images of MNIST per step. Returns the loss of each step. */
export async function parityLosses(
  kind: EngineKind,
  model: tf.LayersModel,
  sampler: Sampler,
  steps: number,
): Promise<Float32Array> {
  const { train: dataset } = await mnist();
  const task = classificationTask({
    model,
    dataset,
    normalization: mnistNormalization,
    batchSize: 10,
    optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
    seed: 0,
  });
  const engine = engineOf(kind, task);
  try {
    const losses = engine.run(sampler.take(0, 10 * steps));
    engine.syncModel();
    return losses;
  } finally {
    engine.dispose();
  }
}

/** The largest difference between two lists of numbers of the same length. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`cannot compare ${a.length} numbers with ${b.length}`);
  return Array.from(a).reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}
