import * as tf from '@tensorflow/tfjs';
import { TrainingError } from '../../errors.ts';
import { gatherBatch } from '../batch.ts';
import type { Engine, TrainingState, TrainingTask } from '../engine.ts';
import { withSeededDropout } from '../noise/with-noise.ts';
import { clipByGlobalNorm, type UpdateRule, updateRule } from '../optimizers/index.ts';
import { checkRows } from '../rows.ts';
import { namedWeights, trainableWeights } from '../weights.ts';
import { assignedBy } from './assigned-by.ts';

/**
 * Runs each step op by op, on any backend of tfjs. The weights of `task.model` are the engine's own, so they
 * move with every step.
 */
export class EagerEngine implements Engine {
  readonly name = 'eager';
  readonly #task: TrainingTask;
  readonly #rule: UpdateRule;
  readonly #trainable: ReadonlyMap<string, tf.Variable>;
  /** Weights that a step may change, by name. */
  readonly #changed: ReadonlyMap<string, tf.Variable>;
  /** `<slot>/<weight>` */
  readonly #slots = new Map<string, tf.Tensor>();
  #step = 0;

  /** @throws TrainingError when the model has nothing to train or the loss is no scalar */
  constructor(task: TrainingTask) {
    this.#task = task;
    this.#rule = updateRule(task.optimizer);
    this.#trainable = trainableWeights(task.model);
    if (this.#trainable.size === 0) {
      throw new TrainingError(
        'training-failed',
        'the model has no trainable weights; unfreeze a layer or inject LoRA first',
      );
    }
    const weights = namedWeights(task.model);
    const first = Int32Array.from({ length: task.batchSize }, (_, row) => row);
    const assigned = assignedBy([...weights.values()], () => void this.#loss(first));
    this.#changed = new Map(
      [...weights].filter(([name, weight]) => this.#trainable.has(name) || assigned.has(weight)),
    );
    for (const [name, weight] of this.#trainable) {
      for (const slot of this.#rule.slots) {
        this.#slots.set(`${slot.name}/${name}`, tf.fill(weight.shape, slot.initial));
      }
    }
  }

  run(rows: Int32Array): Float32Array {
    const { batchSize, data } = this.#task;
    const losses = new Float32Array(checkRows(rows, batchSize, data.rows));
    for (let index = 0; index < losses.length; index++) {
      losses[index] = this.#runStep(rows.subarray(index * batchSize, (index + 1) * batchSize));
      this.#step += 1;
    }
    return losses;
  }

  state(): TrainingState {
    return { step: this.#step, weights: copyValues(this.#changed), slots: copyValues(this.#slots) };
  }

  restore(state: TrainingState): void {
    for (const [name, weight] of this.#changed) {
      tf.tidy(() => weight.assign(tensorOf(state.weights, name, weight)));
    }
    for (const [name, slot] of this.#slots) this.#replaceSlot(name, tensorOf(state.slots, name, slot));
    this.#step = state.step;
  }

  syncModel(): void {}

  dispose(): void {
    tf.dispose([...this.#slots.values()]);
    this.#slots.clear();
  }

  #runStep(rows: Int32Array): number {
    return tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => this.#loss(rows), [...this.#trainable.values()]);
      this.#update(grads);
      return value.dataSync()[0]!;
    });
  }

  #loss(rows: Int32Array): tf.Scalar {
    const { inputs, labels } = gatherBatch(this.#task.data, rows);
    const { seed } = this.#task;
    const loss = withSeededDropout({ seed, step: this.#step }, () => this.#task.loss(inputs, labels));
    if (loss.rank === 0) return loss;
    throw new TrainingError(
      'training-failed',
      `the loss has shape [${loss.shape}]; it has to be one number, so take its mean`,
    );
  }

  #update(gradients: tf.NamedTensorMap): void {
    // A weight that the loss does not depend on has no gradient and stays.
    const moved = [...this.#trainable].filter(([, { name }]) => gradients[name]);
    const { clipNorm } = this.#task.optimizer;
    const raw = moved.map(([, { name }]) => gradients[name]!);
    const clipped = clipNorm === undefined ? raw : clipByGlobalNorm(raw, clipNorm);
    const scalars = this.#rule.scalarsAt(this.#step).map((value) => tf.scalar(value));
    moved.forEach(([name, weight], index) => {
      const slotNames = this.#rule.slots.map((slot) => `${slot.name}/${name}`);
      const slots = slotNames.map((slotName) => this.#slots.get(slotName)!);
      const [next, ...nextSlots] = this.#rule.update(weight, clipped[index]!, slots, scalars);
      weight.assign(next!);
      nextSlots.forEach((slot, place) => {
        this.#replaceSlot(slotNames[place]!, slot);
      });
    });
  }

  #replaceSlot(name: string, next: tf.Tensor): void {
    this.#slots.get(name)!.dispose();
    this.#slots.set(name, tf.keep(next));
  }
}

function copyValues(tensors: ReadonlyMap<string, tf.Tensor>): Map<string, Float32Array> {
  return new Map([...tensors].map(([name, tensor]) => [name, Float32Array.from(tensor.dataSync())]));
}

function tensorOf(values: ReadonlyMap<string, Float32Array>, name: string, like: tf.Tensor): tf.Tensor {
  const found = values.get(name);
  if (found?.length !== like.size) {
    throw new TrainingError(
      'training-failed',
      `the state has ${found?.length ?? 'no'} values of '${name}', the task needs ${like.size}; it belongs to another task`,
    );
  }
  return tf.tensor(found.slice(), like.shape, like.dtype);
}
