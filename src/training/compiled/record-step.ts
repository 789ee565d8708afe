/** Step 1 of 4 of the compiled engines (see engine.ts), record: one optimizer step as a program. */
import * as tf from '@tensorflow/tfjs';
import {
  type InputSpec,
  type Program,
  recordWithDependencies,
  simplify,
  watchDependencies,
} from '../../graph/index.ts';
import { nativeBackend } from '../../tensorflow/index.ts';
import { type Batch, batchArrays } from '../data.ts';
import { lossAndGradients } from '../loss-and-gradients.ts';
import { type UpdateRule, updateRule } from '../optimizers/update-rules.ts';
import type { TrainingTask } from '../task.ts';
import { slotName } from '../training-state.ts';
import { modelWeights, trainableWeights } from '../weights.ts';
import { type FusedUpdate, fusedUpdate } from './fused-update.ts';
import { watchTask } from './watch-task.ts';

/**
 * One optimizer step as a program. Its inputs are the batch (inputs, then labels), the number of the step ([] int32),
 * and the scalars of the update ([] float32 each). Its first output is the loss, [] float32.
 *
 * With `fusedUpdate` the other outputs are gradients, and updates.ts adds the update to the graph. Otherwise the
 * program assigns the new weights and slots itself.
 */
export interface RecordedStep {
  readonly program: Program;
  /** Names of the program's variables in the training state, in the program's order. */
  readonly variableNames: readonly string[];
  /** The variables that the step reads or changes, by name: the model's weights, and others that the loss uses. */
  readonly weights: ReadonlyMap<string, tf.Variable>;
  /** The trainable weights among them. */
  readonly trainable: ReadonlyMap<string, tf.Variable>;
  /** Names of those that a step may change: trainable weights, moving averages, and variables that the loss assigns. */
  readonly changedWeights: ReadonlySet<string>;
  /** Names of those that do not belong to the model. They are not part of the training state. */
  readonly otherVariables: ReadonlySet<string>;
  /** Names of the optimizer's slots, such as `m` and `v`, in the order of its rule. */
  readonly slotNames: readonly string[];
  /** The slots of all trainable weights, by `<slot>/<weight>`. */
  readonly slots: ReadonlyMap<string, SlotSpec>;
  /** How to update the weights; undefined if the program does. */
  readonly fusedUpdate: FusedUpdate | undefined;
  /** The weights that have gradients, in the order in which the gradients are outputs of the program. */
  readonly updatedWeights: readonly string[];
  /** Names of the numbers that the update takes and that change from step to step, such as the learning rate. */
  readonly scalarNames: readonly string[];
  /** Returns their values at a step; the first step is 0. */
  scalarsAt(step: number): readonly number[];
  /** Returns whether the step would be another one if it were recorded now. */
  isOutdated(): boolean;
}

export interface SlotSpec {
  readonly shape: readonly number[];
  readonly size: number;
  /** The value of every element before the first step. */
  readonly initial: number;
}

/** Put before the names of variables that do not belong to the model: they may equal names of its weights. */
const OTHER_VARIABLES = 'other/';

/**
 * Runs one step of a task and records it. The model is unchanged afterwards.
 *
 * @throws RecordingError if the step cannot be recorded
 * @throws TrainingError if the loss is not a scalar, or the model has no trainable weights
 */
export function recordStep(task: TrainingTask): RecordedStep {
  const trainable = trainableWeights(task.model);
  const rule = updateRule(task.optimizer);
  const fused = fusedUpdate(task.optimizer);
  const { scalarNames, scalarsAt } = fused ?? rule;
  const slots = slotSpecs(trainable, rule);
  const slotVariables = fused ? new Map<string, tf.Variable>() : createSlotVariables(slots);
  let updatedWeights: string[] = [];

  const runStep = (...tensors: tf.Tensor[]): tf.Tensor[] => {
    const { batch, step, scalars } = splitInputs(task, tensors);
    const { loss, gradients } = lossAndGradients(task, trainable, batch, step);
    updatedWeights = [...gradients.keys()];
    if (fused) return [loss, ...gradients.values()];
    for (const [name, gradient] of gradients) {
      const weight = trainable.get(name)!;
      const slotsOfWeight = rule.slots.map((slot) => slotVariables.get(slotName(slot.name, name))!);
      const nextValues = rule.update(weight, gradient, slotsOfWeight, scalars);
      [weight, ...slotsOfWeight].forEach((variable, index) => {
        variable.assign(nextValues[index]!);
      });
    }
    return [loss];
  };

  try {
    const { recording, dependencies } = recordWithDependencies(runStep, inputSpecs(task, scalarNames.length));
    const { program, variables } = recording;
    const { variableNames, otherVariables } = nameVariables(task.model, slotVariables, variables);
    const weights = new Map(trainable);
    variables.forEach((variable, index) => {
      const name = variableNames[index]!;
      if (!slots.has(name)) weights.set(name, variable);
    });
    const isStale = watchDependencies(nativeBackend(), {
      ...dependencies,
      variables: [...weights.values()],
      usesGradients: false, // the engine checks which weights are trainable
    });
    const taskHasChanged = watchTask(task);
    const assigned = program.assignments.map(({ variable }) => variableNames[variable]!);
    return {
      program: simplify(program),
      variableNames,
      weights,
      trainable,
      otherVariables,
      changedWeights: new Set([...trainable.keys(), ...assigned.filter((name) => !slots.has(name))]),
      slotNames: rule.slots.map(({ name }) => name),
      slots,
      fusedUpdate: fused,
      updatedWeights,
      scalarNames,
      scalarsAt,
      isOutdated: () => isStale() || taskHasChanged(),
    };
  } finally {
    tf.dispose([...slotVariables.values()]);
  }
}

function slotSpecs(trainable: ReadonlyMap<string, tf.Variable>, rule: UpdateRule): Map<string, SlotSpec> {
  return new Map(
    [...trainable].flatMap(([name, { shape, size }]) =>
      rule.slots.map((slot) => [slotName(slot.name, name), { shape, size, initial: slot.initial }] as const),
    ),
  );
}

/** Names the variables of a program as in the training state. Those that do not belong to the model get a prefix. */
function nameVariables(
  model: tf.LayersModel,
  slotVariables: ReadonlyMap<string, tf.Variable>,
  variables: readonly tf.Variable[],
): Pick<RecordedStep, 'variableNames' | 'otherVariables'> {
  const stateNames = new Map(
    [...modelWeights(model), ...slotVariables].map(([name, variable]) => [variable, name]),
  );
  const otherVariables = new Set<string>();
  const variableNames = variables.map((variable) => {
    const stateName = stateNames.get(variable);
    if (stateName !== undefined) return stateName;
    const otherName = `${OTHER_VARIABLES}${variable.name}`;
    otherVariables.add(otherName);
    return otherName;
  });
  return { variableNames, otherVariables };
}

/** Variables for the slots, so that the recorded step can assign them. */
function createSlotVariables(slots: ReadonlyMap<string, SlotSpec>): Map<string, tf.Variable> {
  return new Map(
    [...slots].map(([name, { shape, initial }]) => [
      name,
      tf.tidy(() => tf.variable(tf.fill([...shape], initial), false)),
    ]),
  );
}

/** The inputs of the program, in the order in which `splitInputs` takes them. */
function inputSpecs({ data, batchSize }: TrainingTask, scalars: number): InputSpec[] {
  return [
    ...batchArrays(data).map(({ featureShape, dtype }) => ({ shape: [batchSize, ...featureShape], dtype })),
    { shape: [], dtype: 'int32' },
    ...new Array<InputSpec>(scalars).fill({ shape: [], dtype: 'float32' }),
  ];
}

interface StepInputs {
  readonly batch: Batch;
  /** int32 scalar */
  readonly step: tf.Scalar;
  readonly scalars: tf.Scalar[];
}

function splitInputs({ data }: TrainingTask, tensors: readonly tf.Tensor[]): StepInputs {
  const inputs = tensors.slice(0, data.inputs.length);
  const [labels, step, ...scalars] = tensors.slice(inputs.length) as [tf.Tensor, tf.Scalar, ...tf.Scalar[]];
  return { batch: { inputs, labels }, step, scalars };
}
