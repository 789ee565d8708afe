import * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { namedLayers, takeValues } from '../models/index.ts';
import { float32Values, type SafeTensor, safeTensor } from '../safetensors/index.ts';
import { flattenedShape } from './flatten.ts';
import { fromTorch, layoutsOf, MAPPED_CLASSES, torchShape, toTorch, type WeightLayout } from './layout.ts';

/** A weight of a model with its place in PyTorch's state dict. */
interface PlacedWeight {
  /** Name in the state dict: the layer's path, a dot and the parameter. */
  readonly name: string;
  readonly variable: tf.Variable;
  readonly layout: WeightLayout;
  readonly flattened: readonly number[] | undefined;
}

/** What PyTorch keeps beside weights and tfjs has no use for. */
const IGNORED = /(^|\.)num_batches_tracked$/;

/**
 * The weights of a model as the state dict of a PyTorch model with the same names: `Dense` as `nn.Linear`,
 * convolutions as `nn.Conv1d` to `nn.Conv3d`, `Embedding`, `BatchNormalization` and `LayerNormalization` as theirs.
 * What follows a flattened convolution is put in the order of PyTorch's `nn.Flatten`.
 *
 * @throws CheckpointError naming a layer that has no counterpart
 */
export function toStateDict(model: tf.LayersModel): Map<string, SafeTensor> {
  return new Map(
    placedWeights(model).map(({ name, variable, layout, flattened }) => {
      const value = toTorch(variable, layout, flattened);
      return [name, safeTensor(takeValues(value), value.shape)];
    }),
  );
}

/** Which tensors to take. */
export interface StateDictOptions {
  /** Where the tensors come from, for errors. */
  readonly source: string;
  /** Takes only names that begin with this, without it: `init.` or `model.`. */
  readonly prefix?: string;
}

/**
 * Sets the weights of a model from a PyTorch state dict with the same names. Numbered modules, as `nn.Sequential`
 * has them, go to the layers in order. Nothing is changed unless everything fits.
 *
 * @throws CheckpointError listing names that are missing or that nothing takes, or the first shape that differs
 *   or value that is not finite
 */
export function assignStateDict(
  model: tf.LayersModel,
  tensors: ReadonlyMap<string, SafeTensor>,
  { source, prefix = '' }: StateDictOptions,
): void {
  const given = withoutPrefix(tensors, prefix);
  const weights = placedWeights(model);
  const names = numbered(given)
    ? inOrder(source, weights, given)
    : new Map(weights.map(({ name }) => [name, name]));
  const taken = new Set(names.values());
  const missing = [...taken].filter((name) => !given.has(name));
  const extra = [...given.keys()].filter((name) => !taken.has(name));
  if (missing.length > 0 || extra.length > 0) {
    const faults = [
      missing.length > 0 ? `lacks ${list(missing)}` : '',
      extra.length > 0 ? `holds ${list(extra)}, which no layer takes` : '',
    ];
    throw new CheckpointError('invalid-checkpoint', `${source}: ${faults.filter(Boolean).join('; ')}`);
  }
  tf.tidy(() => {
    const values = weights.map((weight) => {
      const name = names.get(weight.name)!;
      return valueFor(`${source}: ${prefix}${name}`, weight, given.get(name)!);
    });
    weights.forEach(({ variable }, index) => {
      variable.assign(values[index]!);
    });
  });
}

function valueFor(
  name: string,
  { variable, layout, flattened }: PlacedWeight,
  tensor: SafeTensor,
): tf.Tensor {
  const values = float32Values(name, tensor);
  if (!values.every(Number.isFinite))
    throw new CheckpointError('invalid-checkpoint', `${name} holds values that are not finite`);
  const value = tf.tensor(values, [...tensor.shape]);
  const turned = fromTorch(value, layout, variable.shape, flattened);
  if (turned) return turned;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${name} has shape [${tensor.shape}], its layer needs [${torchShape(layout, variable.shape)}]`,
  );
}

function placedWeights(model: tf.LayersModel): PlacedWeight[] {
  return namedLayers(model).flatMap(({ path, layer }) => {
    if (layer.weights.length === 0) return [];
    const layouts = layoutsOf(layer.getClassName());
    const flattened = layouts?.some(({ features }) => features) ? flattenedShape(layer) : undefined;
    return layer.weights.map((weight) => {
      const layout = layouts?.find((one) => weight.originalName.endsWith(`/${one.weight}`));
      if (layout) {
        const variable = weight.read() as tf.Variable;
        return { name: `${path}.${layout.parameter}`, variable, layout, flattened };
      }
      throw new CheckpointError(
        'invalid-checkpoint',
        `layer '${path}' (${layer.getClassName()}) has no counterpart in PyTorch that is known here; known are ${MAPPED_CLASSES.join(', ')}`,
      );
    });
  });
}

function withoutPrefix(tensors: ReadonlyMap<string, SafeTensor>, prefix: string): Map<string, SafeTensor> {
  return new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(prefix) && !IGNORED.test(name))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
}

/** Whether every module is a number, as in a flat `nn.Sequential`. */
function numbered(given: ReadonlyMap<string, SafeTensor>): boolean {
  return given.size > 0 && [...given.keys()].every((name) => /^\d+\.\w+$/.test(name));
}

/** The weight's name to the name given for it, modules by number against layers in the model's order. */
function inOrder(
  source: string,
  weights: readonly PlacedWeight[],
  given: ReadonlyMap<string, SafeTensor>,
): Map<string, string> {
  const moduleOf = (name: string) => name.slice(0, name.lastIndexOf('.'));
  const layers = [...new Set(weights.map(({ name }) => moduleOf(name)))];
  const modules = [...new Set([...given.keys()].map(moduleOf))].sort((a, b) => Number(a) - Number(b));
  if (layers.length !== modules.length) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: has ${modules.length} numbered modules with weights (${modules.join(', ')}), the model ${layers.length} (${layers.join(', ')})`,
    );
  }
  return new Map(
    weights.map(({ name }) => {
      const module = modules[layers.indexOf(moduleOf(name))]!;
      return [name, `${module}${name.slice(name.lastIndexOf('.'))}`];
    }),
  );
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
