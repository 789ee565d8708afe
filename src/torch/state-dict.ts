import * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { baseClassOf } from '../lora/index.ts';
import { namedLayers, takeValues } from '../models/index.ts';
import { float32Values, type SafeTensor, safeTensor } from '../safetensors/index.ts';
import { listNames, printable, quote } from '../text/index.ts';
import { flattenedShape } from './flatten.ts';
import { fromTorch, layoutsOf, MAPPED_CLASSES, torchShape, toTorch } from './layout.ts';
import { checkNotAdapter, checkPrefix } from './prefix.ts';
import { recurrentDifference } from './recurrent.ts';
import type { WeightLayout } from './weight-layout.ts';

/** A weight of a model and the parameter of a PyTorch state dict that it corresponds to. */
interface TorchWeight {
  /** The parameter's name in the state dict: `<path of the layer>.<parameter>`. */
  readonly name: string;
  /** The name of a second parameter, which is added to it; see `WeightLayout.addend`. */
  readonly addend?: string;
  readonly variable: tf.Variable;
  readonly layout: WeightLayout;
  /** See `flattenedShape`. */
  readonly flattened: readonly number[] | undefined;
}

/** Entries of PyTorch state dicts that tfjs does not use. */
const IGNORED = /(^|\.)num_batches_tracked$/;

/**
 * Converts the weights of a model to the state dict of a PyTorch model with the same module names: `Dense` to
 * `nn.Linear`, convolutions to `nn.Conv1d` .. `nn.Conv3d`, `Embedding`, `BatchNormalization` and `LayerNormalization`
 * to the modules of these names, `LSTM` and `SimpleRNN`, also in `Bidirectional`, to `nn.LSTM` and `nn.RNN` with one layer. The features after a flattened convolution are put into the order of `nn.Flatten`.
 *
 * @returns by parameter name, in the model's order; float32 in PyTorch's layout, such as `linear1.weight` [out, in]
 * @throws CheckpointError if a layer with weights has no counterpart in PyTorch
 * @example
 * await writeSafetensors('model.safetensors', toStateDict(model), new Map([['format', 'pt']]));
 * // in Python: model.load_state_dict(safetensors.torch.load_file('model.safetensors'))
 */
export function toStateDict(model: tf.LayersModel): Map<string, SafeTensor> {
  return new Map(
    torchWeights(model).flatMap(({ name, addend, variable, layout, flattened }) => {
      const value = toTorch(variable, layout, flattened);
      const tensor = safeTensor(takeValues(value), value.shape);
      const zeros = () => safeTensor(new Float32Array(variable.size), value.shape);
      return [[name, tensor] as const, ...(addend === undefined ? [] : [[addend, zeros()] as const])];
    }),
  );
}

/** Options of `assignStateDict` and `digitsNetFrom`. */
export interface StateDictOptions {
  /** Names the state dict in errors. */
  readonly source: string;
  /** Uses only the tensors whose names start with this prefix, such as `model.`, and removes it. Default: none. */
  readonly prefix?: string;
}

/**
 * Sets the weights of a model from the state dict of a PyTorch model with the same module names. If all modules of
 * the state dict are numbered, as in a flat `nn.Sequential`, they are assigned to the layers with weights in order.
 *
 * @param tensors by parameter name, in PyTorch's layout, such as `linear1.weight` [out, in]; F32, F64, F16 or BF16
 * @throws CheckpointError if tensors are missing or unexpected, a shape does not match, or a value is NaN or Inf. The
 *   model is not changed then.
 * @example
 * const { tensors } = await readSafetensors('model.safetensors');
 * assignStateDict(model, tensors, { source: 'model.safetensors' });
 */
export function assignStateDict(
  model: tf.LayersModel,
  tensors: ReadonlyMap<string, SafeTensor>,
  { source, prefix = '' }: StateDictOptions,
): void {
  const stateDict = selectTensors(tensors, prefix);
  const weights = torchWeights(model);
  const nameInFile = isSequential(stateDict)
    ? matchByOrder(source, weights, stateDict)
    : (name: string) => name;
  const namesOf = ({ name, addend }: TorchWeight) =>
    [name, ...(addend === undefined ? [] : [addend])].map(nameInFile);
  checkNames({ source, prefix }, weights.flatMap(namesOf), stateDict);
  tf.tidy(() => {
    const values = weights.map((weight) =>
      namesOf(weight)
        .map((name) =>
          weightValue(`${source}: ${printable(`${prefix}${name}`)}`, weight, stateDict.get(name)!),
        )
        .reduce((sum, value) => tf.add(sum, value)),
    );
    weights.forEach(({ variable }, index) => {
      variable.assign(values[index]!);
    });
  });
}

/** The tensors with the prefix, by their names without it. */
function selectTensors(tensors: ReadonlyMap<string, SafeTensor>, prefix: string): Map<string, SafeTensor> {
  return new Map(
    [...tensors]
      .filter(([name]) => name.startsWith(prefix) && !IGNORED.test(name))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
}

/** Throws CheckpointError unless the state dict has exactly these names. */
function checkNames(
  { source, prefix = '' }: StateDictOptions,
  names: readonly string[],
  stateDict: ReadonlyMap<string, SafeTensor>,
): void {
  const expected = new Set(names);
  const missing = names.filter((name) => !stateDict.has(name));
  const unexpected = [...stateDict.keys()].filter((name) => !expected.has(name));
  if (missing.length > 0) {
    checkPrefix(source, names, stateDict.keys(), prefix);
    checkNotAdapter(source, stateDict.keys());
  }
  const problems: string[] = [];
  if (missing.length > 0) problems.push(`missing tensors ${listNames(missing)}`);
  if (unexpected.length > 0) problems.push(`unexpected tensors ${listNames(unexpected)}`);
  if (problems.length > 0)
    throw new CheckpointError('invalid-checkpoint', `${source}: ${problems.join('; ')}`);
}

/**
 * The value for a weight, in tfjs' layout.
 *
 * @param name names the tensor in errors
 * @throws CheckpointError if the dtype or shape does not fit, or a value is NaN or Inf
 */
function weightValue(
  name: string,
  { variable, layout, flattened }: TorchWeight,
  tensor: SafeTensor,
): tf.Tensor {
  const values = float32Values(name, tensor);
  if (!values.every(Number.isFinite)) {
    throw new CheckpointError('invalid-checkpoint', `${name}: contains NaN or Inf`);
  }
  const value = fromTorch(tf.tensor(values, [...tensor.shape]), layout, variable.shape, flattened);
  if (value) return value;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${name}: shape ${quote(tensor.shape)} does not match the layer's [${torchShape(layout, variable.shape)}]`,
  );
}

/** @throws CheckpointError if a layer with weights has no counterpart in PyTorch */
function torchWeights(model: tf.LayersModel): TorchWeight[] {
  return namedLayers(model).flatMap(({ path, layer }) => {
    if (layer.weights.length === 0) return [];
    const layouts = layoutsOf(layer);
    const difference = recurrentDifference(layer);
    if (difference !== undefined)
      throw new CheckpointError(
        'invalid-checkpoint',
        `layer '${path}' (${baseClassOf(layer)}): no counterpart in PyTorch, because ${difference}`,
      );
    const flattened = layouts?.some(({ featuresFirst }) => featuresFirst) ? flattenedShape(layer) : undefined;
    return layer.weights.map((weight) => {
      const layout = layouts?.find((candidate) => weight.originalName.endsWith(`/${candidate.weight}`));
      if (layout) {
        const variable = weight.read() as tf.Variable;
        const [name, addend] = [layout.parameter, layout.addend].map((part) => part && `${path}.${part}`);
        return { name: name!, addend, variable, layout, flattened };
      }
      throw new CheckpointError(
        'invalid-checkpoint',
        `layer '${path}' (${baseClassOf(layer)}): no counterpart in PyTorch; supported classes are ${MAPPED_CLASSES.join(', ')}`,
      );
    });
  });
}

/** Whether all modules are numbered, as in a flat `nn.Sequential`. */
function isSequential(stateDict: ReadonlyMap<string, SafeTensor>): boolean {
  return stateDict.size > 0 && [...stateDict.keys()].every((name) => /^\d+\.\w+$/.test(name));
}

/**
 * Returns the names in the state dict by those of the model: numbered modules, in ascending order, for the layers in the model's
 * order.
 *
 * @throws CheckpointError if the numbers of modules and layers differ
 */
function matchByOrder(
  source: string,
  weights: readonly TorchWeight[],
  stateDict: ReadonlyMap<string, SafeTensor>,
): (name: string) => string {
  const moduleOf = (name: string) => name.slice(0, name.lastIndexOf('.'));
  const layers = [...new Set(weights.map(({ name }) => moduleOf(name)))];
  const modules = [...new Set([...stateDict.keys()].map(moduleOf))].sort((a, b) => Number(a) - Number(b));
  if (layers.length !== modules.length) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: ${modules.length} numbered modules with weights (${listNames(modules)}), but the model has ${layers.length} layers with weights (${listNames(layers)})`,
    );
  }
  return (name) => {
    const module = modules[layers.indexOf(moduleOf(name))]!;
    return `${module}${name.slice(name.lastIndexOf('.'))}`;
  };
}
