import * as tf from '@tensorflow/tfjs';
import { checkList } from '../arguments.ts';
import { requireLayersModel } from '../layers-model.ts';
import { takeValues } from '../models/index.ts';
import { formatCount } from '../text/index.ts';
import { predictAll } from './predict.ts';

/** The units of one ReLU layer that output 0 for every example. */
export interface DeadUnits {
  /** Name of the layer. */
  readonly path: string;
  /** How many units the layer has. */
  readonly units: number;
  /** Indices of the dead units along the last axis. */
  readonly dead: readonly number[];
  /** Whether the layer is an output of the model. */
  readonly isOutput: boolean;
}

/**
 * Finds the ReLU layers of a model with units that output 0 for every example. Such units get no gradient, so they do
 * not learn.
 *
 * @param inputs one tensor [examples, ...] for each input of the model, as for `model.predict`
 * @returns the layers with dead units, in the model's order; layers inside nested models are not examined
 * @example
 * for (const { path, units, dead } of deadUnits(model, [images])) {
 *   console.log(`${path}: ${dead.length} of ${units} units are dead`);
 * }
 */
export function deadUnits(model: tf.LayersModel, inputs: readonly tf.Tensor[]): DeadUnits[] {
  requireLayersModel(model);
  checkList('inputs', inputs);
  const layers = model.layers.filter((layer) => isRelu(layer) && !Array.isArray(layer.output));
  if (layers.length === 0) return [];
  const activations = tf.model({
    inputs: model.inputs,
    outputs: layers.map(({ output }) => output as tf.SymbolicTensor),
  });
  const outputIds = new Set(model.outputs.map(({ id }) => id));
  // For each layer: [units], the largest activation over all examples and positions.
  const maxima = tf
    .tidy(() =>
      predictAll(activations, inputs).map((value) => tf.max(value.reshape([-1, value.shape.at(-1)!]), 0)),
    )
    .map(takeValues);
  return layers.flatMap((layer, index) => {
    const maximum = maxima[index]!;
    const dead = [...maximum.keys()].filter((unit) => maximum[unit]! <= 0);
    const isOutput = outputIds.has((layer.output as tf.SymbolicTensor).id);
    return dead.length > 0 ? [{ path: layer.name, units: maximum.length, dead, isOutput }] : [];
  });
}

/**
 * Describes dead units, one line per layer.
 *
 * @param examples number of test images on which the units were found
 * @param classNames names of the units of the output layer
 */
export function deadUnitWarnings(
  layers: readonly DeadUnits[],
  { examples, classNames }: { readonly examples: number; readonly classNames: readonly string[] },
): string[] {
  return layers.map(({ path, units, dead, isOutput }) => {
    const areClasses = isOutput && classNames.length === units;
    const names = areClasses ? dead.map((unit) => classNames[unit]!) : dead.map(String);
    const listed = names.slice(0, 12).join(', ') + (names.length > 12 ? ', ...' : '');
    return (
      `${dead.length} of ${units} ${areClasses ? 'outputs' : 'units'} of '${path}' are 0 for all ` +
      `${formatCount(examples)} test images, so they do not learn: ${listed}`
    );
  });
}

function isRelu(layer: tf.layers.Layer): boolean {
  const { activation } = layer.getConfig() as { activation?: unknown };
  return layer.getClassName() === 'ReLU' || activation === 'relu';
}
