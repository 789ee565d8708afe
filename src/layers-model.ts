import * as tf from '@tensorflow/tfjs';
import { UsageError } from './errors.ts';

/**
 * Checks that a value is a LayersModel of the tfjs that this library uses.
 *
 * @throws UsageError that names what it is instead
 */
export function requireLayersModel(model: unknown): asserts model is tf.LayersModel {
  if (!(model instanceof tf.LayersModel))
    throw new UsageError('invalid-argument', `model: ${problemOf(model)}`);
}

/** A GraphModel whose weights are listed as layers, one for each node that uses weights; see `src/graph-models`. */
export interface LayeredGraphModel extends tf.GraphModel {
  readonly name: string;
  /** In topological order. */
  readonly layers: readonly tf.layers.Layer[];
  readonly trainableWeights: readonly tf.LayerVariable[];
  /** Returns the layers of a node and of the nodes that depend on it; undefined if the graph has no such node. */
  layersBehind(node: string): ReadonlySet<tf.layers.Layer> | undefined;
  /**
   * Runs the graph on a batch, and returns the inputs of layers of class `Dense`. Leaves intermediate tensors for the
   * caller's `tidy`.
   */
  layerInputs(
    batch: tf.Tensor | tf.Tensor[] | tf.NamedTensorMap,
    layers: readonly tf.layers.Layer[],
  ): Map<tf.layers.Layer, tf.Tensor[]>;
  /** @throws UsageError if an op without a gradient lies between one of these layers and the outputs */
  requireGradients(layers: readonly tf.layers.Layer[]): void;
}

/** A model that adapters can be added to, or that has them. */
export type AdaptableModel = tf.LayersModel | LayeredGraphModel;

/** Whether a value is a GraphModel with layers. */
export function isLayeredGraphModel(model: unknown): model is LayeredGraphModel {
  return model instanceof tf.GraphModel && 'layersBehind' in model;
}

/**
 * Checks that a value is a LayersModel or a GraphModel with adapters.
 *
 * @throws UsageError that names what it is instead
 */
export function requireAdaptableModel(model: unknown): asserts model is AdaptableModel {
  if (model instanceof tf.LayersModel || isLayeredGraphModel(model)) return;
  const problem =
    model instanceof tf.GraphModel
      ? 'is a GraphModel without adapters; call injectLora first'
      : problemOf(model);
  throw new UsageError('invalid-argument', `model: ${problem}`);
}

function problemOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return `must be a tf.LayersModel (${String(value)})`;
  if (isPromise(value)) return 'is a Promise; await it first, as in await tf.loadLayersModel(url)';
  if (isGraphModel(value))
    return (
      'is a GraphModel; this needs a LayersModel. injectLora adapts GraphModels of the @tensorflow/tfjs that ' +
      'tfjs-lora uses, and graphModelLayer makes a layer of an adapted one'
    );
  if (value instanceof tf.layers.Layer)
    return `is a layer (${value.getClassName()} '${value.name}'); pass the model that it belongs to`;
  if (looksLikeLayersModel(value)) {
    const { ours, others } = tfjsCopies();
    return (
      `'${value.name}' was made by another copy of @tensorflow/tfjs${named(others)} than the one that tfjs-lora uses ` +
      `(${[tf.version.tfjs, ...ours].join(' in ')}); install one copy of version ${tf.version.tfjs}, ` +
      "and look for others with 'npm ls @tensorflow/tfjs'"
    );
  }
  return `must be a tf.LayersModel (${value.constructor?.name ?? 'object'})`;
}

function isPromise(value: object): boolean {
  return 'then' in value && typeof value.then === 'function';
}

/** Also for a GraphModel of another copy of tfjs. */
function isGraphModel(value: object): boolean {
  return value instanceof tf.GraphModel || ('modelSignature' in value && 'executeAsync' in value);
}

function looksLikeLayersModel(value: object): value is { readonly name: string } {
  return 'layers' in value && 'getClassName' in value && 'predict' in value;
}

const TFJS_MODULE = /[\\/]@tensorflow[\\/]tfjs[\\/]dist[\\/]tf\.node\.js$/;

/** The folders from which this process has loaded tfjs: that of this library, and others. Empty in browsers. */
function tfjsCopies(): { readonly ours: readonly string[]; readonly others: readonly string[] } {
  const { createRequire } = globalThis.process?.getBuiltinModule?.('module') ?? {};
  const modules = Object.entries(createRequire?.(import.meta.url).cache ?? {});
  const foldersOf = (isOurs: boolean) =>
    modules
      .filter(([path, module]) => {
        const { LayersModel } = (module?.exports ?? {}) as Partial<typeof tf>;
        return TFJS_MODULE.test(path) && (LayersModel === tf.LayersModel) === isOurs;
      })
      .map(([path]) => path.replace(/[\\/]dist[\\/]tf\.node\.js$/, ''));
  return { ours: foldersOf(true), others: foldersOf(false) };
}

function named(folders: readonly string[]): string {
  return folders.length === 0 ? '' : ` (${folders.join(', ')})`;
}
