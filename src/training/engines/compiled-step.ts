import * as tf from '@tensorflow/tfjs';
import { TrainingError } from '../../errors.ts';
import { type InputSpec, type Program, record, simplify } from '../../graph/index.ts';
import type { DataArray, TrainingTask } from '../engine.ts';
import { withSeededDropout } from '../noise/with-noise.ts';
import { clipByGlobalNorm, type UpdateRule, updateRule } from '../optimizers/index.ts';
import { namedWeights, trainableWeights } from '../weights.ts';
import { type FusedUpdate, fusedUpdate } from './compiled-updates.ts';

export interface SlotSpec {
  readonly shape: readonly number[];
  readonly size: number;
  readonly initial: number;
}

/**
 * One optimizer step as a program, and what belongs to it. The program takes the columns, the number of the step
 * and the scalars; its first output is the loss.
 */
export interface RecordedStep {
  readonly program: Program;
  /** Names of the program's variables in the training state, in the program's order. */
  readonly variableNames: readonly string[];
  /** Everything but slots that the step reads or changes. */
  readonly weights: ReadonlyMap<string, tf.Variable>;
  /** Names of the slots that each trainable weight has. */
  readonly slotNames: readonly string[];
  /** All slots, `<slot>/<weight>`. */
  readonly slots: ReadonlyMap<string, SlotSpec>;
  /** Names of the weights that a step may change. */
  readonly changed: ReadonlySet<string>;
  /** What moves the weights; without it the program's own assignments do. */
  readonly fused: FusedUpdate | undefined;
  /** With `fused`: weights whose gradients are the program's other outputs, in order. */
  readonly moved: readonly string[];
  readonly scalarNames: readonly string[];
  scalarsAt(step: number): readonly number[];
}

/** @throws TrainingError when the step cannot be recorded, the loss is no scalar or nothing is trainable */
export function recordStep(task: TrainingTask): RecordedStep {
  const trainable = trainableWeights(task.model);
  if (trainable.size === 0) {
    throw new TrainingError(
      'training-failed',
      'the model has no trainable weights; unfreeze a layer or inject LoRA first',
    );
  }
  const rule = updateRule(task.optimizer);
  const fused = fusedUpdate(task.optimizer);
  const { scalarNames, scalarsAt } = fused ?? rule;
  const slots = slotSpecs(trainable, rule);
  const slotVariables = new Map<string, tf.Variable>();
  if (!fused) {
    for (const [name, { shape, initial }] of slots) {
      slotVariables.set(
        name,
        tf.tidy(() => tf.variable(tf.fill([...shape], initial), false)),
      );
    }
  }
  try {
    let moved: string[] = [];
    const recording = record(
      (...tensors) => {
        const { loss, gradients, scalars } = lossAndGradients(task, trainable, tensors);
        moved = [...gradients.keys()];
        if (fused) return [loss, ...gradients.values()];
        for (const [name, gradient] of gradients) {
          const slotsOf = rule.slots.map((slot) => slotVariables.get(`${slot.name}/${name}`)!);
          const next = rule.update(trainable.get(name)!, gradient, slotsOf, scalars);
          [trainable.get(name)!, ...slotsOf].forEach((variable, index) => {
            variable.assign(next[index]!);
          });
        }
        return [loss];
      },
      inputSpecs(task, scalarNames.length),
    );
    const names = new Map([...namedWeights(task.model), ...slotVariables].map(([name, one]) => [one, name]));
    const nameOf = (variable: tf.Variable) => names.get(variable) ?? variable.name;
    const variableNames = recording.variables.map(nameOf);
    const weights = new Map(trainable);
    recording.variables.forEach((variable, index) => {
      if (!slots.has(variableNames[index]!)) weights.set(variableNames[index]!, variable);
    });
    const assigned = recording.program.assignments.map(({ variable }) => variableNames[variable]!);
    return {
      program: simplify(recording.program),
      variableNames,
      weights,
      slotNames: rule.slots.map(({ name }) => name),
      slots,
      changed: new Set([...trainable.keys(), ...assigned.filter((name) => !slots.has(name))]),
      fused,
      moved,
      scalarNames,
      scalarsAt,
    };
  } finally {
    tf.dispose([...slotVariables.values()]);
  }
}

function lossAndGradients(
  task: TrainingTask,
  trainable: ReadonlyMap<string, tf.Variable>,
  tensors: tf.Tensor[],
): { loss: tf.Scalar; gradients: Map<string, tf.Tensor>; scalars: tf.Scalar[] } {
  const inputs = tensors.slice(0, task.data.inputs.length);
  const [labels, step, ...scalars] = tensors.slice(inputs.length) as [tf.Tensor, tf.Scalar, ...tf.Scalar[]];
  const { value, grads } = tf.variableGrads(
    () => withSeededDropout({ seed: task.seed, step }, () => scalarLoss(task, inputs, labels)),
    [...trainable.values()],
  );
  // A weight that the loss does not depend on has no gradient and stays.
  const moved = [...trainable].filter(([, { name }]) => grads[name] !== undefined);
  const raw = moved.map(([, { name }]) => grads[name]!);
  const { clipNorm } = task.optimizer;
  const clipped = clipNorm === undefined ? raw : clipByGlobalNorm(raw, clipNorm);
  return { loss: value, gradients: new Map(moved.map(([name], index) => [name, clipped[index]!])), scalars };
}

function scalarLoss({ loss }: TrainingTask, inputs: tf.Tensor[], labels: tf.Tensor): tf.Scalar {
  const value = loss(inputs, labels);
  if (value.rank !== 0) {
    throw new TrainingError(
      'training-failed',
      `the loss has shape [${value.shape}]; it has to be one number, so take its mean`,
    );
  }
  return value;
}

function slotSpecs(trainable: ReadonlyMap<string, tf.Variable>, rule: UpdateRule): Map<string, SlotSpec> {
  return new Map(
    [...trainable].flatMap(([name, { shape, size }]) =>
      rule.slots.map((slot) => [`${slot.name}/${name}`, { shape, size, initial: slot.initial }] as const),
    ),
  );
}

function inputSpecs({ data, batchSize }: TrainingTask, scalars: number): InputSpec[] {
  const spec = ({ values, featureShape }: DataArray, label: boolean): InputSpec => {
    const whole = values instanceof Int32Array || (label && values instanceof Uint8Array);
    return { shape: [batchSize, ...featureShape], dtype: whole ? 'int32' : 'float32' };
  };
  return [
    ...data.inputs.map((column) => spec(column, false)),
    spec(data.labels, true),
    { shape: [], dtype: 'int32' },
    ...new Array<InputSpec>(scalars).fill({ shape: [], dtype: 'float32' }),
  ];
}
