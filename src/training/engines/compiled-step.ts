import * as tf from '@tensorflow/tfjs';
import { TrainingError } from '../../errors.ts';
import type { Program } from '../../graph/program.ts';
import { type InputSpec, record } from '../../graph/record.ts';
import type { Column, TrainingTask } from '../engine.ts';
import { namedWeights, trainableWeights } from '../weights.ts';
import { type FusedUpdate, fusedUpdate } from './compiled-updates.ts';

export interface SlotSpec {
  readonly shape: readonly number[];
  readonly size: number;
  readonly initial: number;
}

/** One optimizer step as a program, and what belongs to it. Inputs of the program: the columns, the step's number, the scalars. */
export interface RecordedStep {
  readonly program: Program;
  /** Variables that the program reads or changes, by the names of the training state, in the program's order. */
  readonly variables: ReadonlyMap<string, tf.Variable>;
  /** Weights with a gradient: output k + 1 of the program is the gradient of the k-th. */
  readonly trained: readonly string[];
  readonly update: FusedUpdate;
  readonly slots: ReadonlyMap<string, SlotSpec>;
  /** Names of the weights that a step may change. */
  readonly changed: ReadonlySet<string>;
  readonly scalarNames: readonly string[];
  scalarsAt(step: number): readonly number[];
}

/** @throws TrainingError when the step cannot be recorded, the loss is no scalar or nothing is trainable */
export function recordStep(task: TrainingTask): RecordedStep {
  const trainable = trainableWeights(task.model);
  if (trainable.size === 0)
    throw new TrainingError('the model has no trainable weights; unfreeze a layer or inject LoRA first');
  const columns = [...task.data.inputs, task.data.labels];
  const specs = [
    ...columns.map((column, index) => inputSpec(column, task.batchSize, index === columns.length - 1)),
  ];
  specs.push({ shape: [], dtype: 'int32' });
  let trained: string[] = [];
  const { program, variables } = record((...tensors) => {
    const inputs = tensors.slice(0, columns.length);
    const labels = inputs.pop()!;
    const { value, grads } = tf.variableGrads(
      () => scalarLoss(task, inputs, labels),
      [...trainable.values()],
    );
    trained = [...trainable].filter(([, { name }]) => grads[name] !== undefined).map(([name]) => name);
    return [value, ...trained.map((name) => grads[trainable.get(name)!.name]!)];
  }, specs);
  const update = fusedUpdate(task.optimizer);
  const slots = new Map<string, SlotSpec>();
  for (const name of trained) {
    const { shape, size } = trainable.get(name)!;
    for (const slot of update.slots)
      slots.set(`${slot.name}/${name}`, { shape, size, initial: slot.initial });
  }
  const names = new Map([...namedWeights(task.model)].map(([name, variable]) => [variable, name]));
  const nameOf = (variable: tf.Variable) => names.get(variable) ?? variable.name;
  return {
    program,
    variables: new Map(variables.map((variable) => [nameOf(variable), variable])),
    trained,
    update,
    slots,
    changed: new Set([
      ...trained,
      ...program.assignments.map(({ variable }) => nameOf(variables[variable]!)),
    ]),
    scalarNames: update.scalarNames,
    scalarsAt: update.scalarsAt,
  };
}

function inputSpec({ values, rowShape }: Column, batchSize: number, label: boolean): InputSpec {
  const whole = values instanceof Int32Array || (label && values instanceof Uint8Array);
  return { shape: [batchSize, ...rowShape], dtype: whole ? 'int32' : 'float32' };
}

function scalarLoss({ loss }: TrainingTask, inputs: tf.Tensor[], labels: tf.Tensor): tf.Scalar {
  const value = loss(inputs, labels);
  if (value.rank !== 0) {
    throw new TrainingError(`the loss has shape [${value.shape}]; it has to be one number, so take its mean`);
  }
  return value;
}
