import * as tf from '@tensorflow/tfjs';
import { watchVariables } from '../../graph/index.ts';
import { hasNativeBackend } from '../../tensorflow/index.ts';
import { countSteps, gatherBatch } from '../data.ts';
import { batchLoss, lossAndGradients } from '../loss-and-gradients.ts';
import { withKernelErrors } from '../missing-kernel.ts';
import { type UpdateRule, updateRule } from '../optimizers/update-rules.ts';
import type { TrainingTask } from '../task.ts';
import { slotName, stateValues, type TrainingState } from '../training-state.ts';
import { modelWeights, requireSameTrainable, trainableWeights } from '../weights.ts';
import type { Engine } from './engine.ts';

/** Runs each step op by op, on any backend of tfjs. It trains the variables of `task.model` themselves. */
export class EagerEngine implements Engine {
  readonly name = 'eager';
  readonly #task: TrainingTask;
  readonly #rule: UpdateRule;
  readonly #trainable: ReadonlyMap<string, tf.Variable>;
  /** The weights that a step may change: trainable ones, and those that layers assign, such as moving averages. */
  readonly #changing: ReadonlyMap<string, tf.Variable>;
  readonly #slots = new Map<string, tf.Tensor>();
  #step = 0;

  /**
   * @throws TrainingError if the model has no trainable weights, or the loss is not a scalar
   * @throws TensorFlowError if the backend has no kernel for an op of the model or its gradient
   */
  constructor(task: TrainingTask) {
    this.#task = task;
    this.#rule = updateRule(task.optimizer);
    this.#trainable = trainableWeights(task.model);
    const weights = modelWeights(task.model);
    const firstRows = Int32Array.from({ length: task.batchSize }, (_, row) => row);
    const assigned = findAssignedVariables(() => {
      const batch = gatherBatch(task.data, firstRows);
      if (hasNativeBackend()) batchLoss(task, batch, 0);
      // Other backends lack kernels, of gradients as well: better an error now than after the first steps.
      else withKernelErrors(() => lossAndGradients(task, this.#trainable, batch, 0));
    });
    this.#changing = new Map(
      [...weights].filter(([name, variable]) => this.#trainable.has(name) || assigned.has(variable)),
    );
    for (const [name, { shape }] of this.#trainable) {
      for (const slot of this.#rule.slots) {
        this.#slots.set(slotName(slot.name, name), tf.fill(shape, slot.initial));
      }
    }
  }

  run(rows: Int32Array): Float32Array {
    const { batchSize, data, model } = this.#task;
    requireSameTrainable(model, this.#trainable);
    const losses = new Float32Array(countSteps(rows, batchSize, data));
    for (let index = 0; index < losses.length; index++) {
      losses[index] = this.#runStep(rows.subarray(index * batchSize, (index + 1) * batchSize));
      this.#step += 1;
    }
    return losses;
  }

  state(): TrainingState {
    return { step: this.#step, weights: copyValues(this.#changing), slots: copyValues(this.#slots) };
  }

  restore(state: TrainingState): void {
    const tensorFrom = (entries: TrainingState['weights'], name: string, { size, shape, dtype }: tf.Tensor) =>
      tf.tensor(stateValues(entries, name, size).slice(), shape, dtype);
    for (const [name, weight] of this.#changing) {
      tf.tidy(() => weight.assign(tensorFrom(state.weights, name, weight)));
    }
    for (const [name, slot] of this.#slots) this.#replaceSlot(name, tensorFrom(state.slots, name, slot));
    this.#step = state.step;
  }

  syncModel(): void {}

  dispose(): void {
    tf.dispose([...this.#slots.values()]);
    this.#slots.clear();
  }

  #runStep(rows: Int32Array): number {
    return tf.tidy(() => {
      const batch = gatherBatch(this.#task.data, rows);
      const { loss, gradients } = lossAndGradients(this.#task, this.#trainable, batch, this.#step);
      this.#update(gradients);
      return loss.dataSync()[0]!;
    });
  }

  #update(gradients: ReadonlyMap<string, tf.Tensor>): void {
    const scalars = this.#rule.scalarsAt(this.#step).map((value) => tf.scalar(value));
    for (const [name, gradient] of gradients) {
      const weight = this.#trainable.get(name)!;
      const slotNames = this.#rule.slots.map((slot) => slotName(slot.name, name));
      const slots = slotNames.map((slot) => this.#slots.get(slot)!);
      const [nextWeight, ...nextSlots] = this.#rule.update(weight, gradient, slots, scalars);
      weight.assign(nextWeight!);
      nextSlots.forEach((slot, index) => {
        this.#replaceSlot(slotNames[index]!, slot);
      });
    }
  }

  #replaceSlot(name: string, slot: tf.Tensor): void {
    this.#slots.get(name)!.dispose();
    this.#slots.set(name, tf.keep(slot));
  }
}

/** Returns the variables that `fn` assigns, and undoes the assignments. */
function findAssignedVariables(fn: () => void): Set<tf.Variable> {
  const watch = watchVariables();
  try {
    tf.tidy(fn);
    return new Set(watch.assigned());
  } finally {
    watch.undo();
  }
}

function copyValues(tensors: ReadonlyMap<string, tf.Tensor>): Map<string, Float32Array> {
  return new Map([...tensors].map(([name, tensor]) => [name, Float32Array.from(tensor.dataSync())]));
}
