import type * as tf from '@tensorflow/tfjs';
import { CheckpointError, UsageError } from '../errors.ts';
import {
  type AdapterTensor,
  addAdapter,
  deleteAdapter,
  hasLora,
  injectLora,
  type LoraConfig,
  loraLayers,
  readAdapter,
  writeAdapter,
} from '../lora/index.ts';
import type { SafeTensor } from '../safetensors/index.ts';
import { escapeRegExp } from './describe.ts';
import { type PeftModule, peftModules } from './modules.ts';

/** An adapter that was read from files, on its way to a model. */
export interface StoredAdapter {
  /** Name in the model. */
  readonly adapter: string;
  /** The file of the configuration, for errors. */
  readonly configPath: string;
  /** The file of the weights, for errors. */
  readonly source: string;
  readonly lora: LoraConfig;
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  /**
   * Takes what a layer needs out of the tensors that are left.
   *
   * @param shapes by part, as `readAdapter` names them, in tfjs' layout
   */
  take(
    module: PeftModule,
    shapes: ReadonlyMap<string, readonly number[]>,
    left: Map<string, SafeTensor>,
  ): ReadonlyMap<string, AdapterTensor>;
  /** What else to say when tensors are left over. */
  hint?(left: readonly string[]): string;
}

/**
 * Makes an adapted model of a plain one, which stays as it was. A model that has adapters gets this one besides, at
 * rest, and is returned itself.
 *
 * @throws CheckpointError when a layer gets no tensors or the wrong ones, or a tensor is left over
 */
export function attachAdapter(base: tf.LayersModel, stored: StoredAdapter): tf.LayersModel {
  const { adapter, source } = stored;
  const modules = new Map(peftModules(base).map((module) => [module.path, module]));
  const model = inject(base, stored);
  const undo = () => (model === base ? deleteAdapter(model, adapter) : model.dispose());
  try {
    const left = new Map(stored.tensors);
    for (const { path, layer } of loraLayers(model)) {
      const shapes = new Map([...readAdapter(layer, adapter)].map(([part, { shape }]) => [part, shape]));
      if (shapes.size > 0) writeAdapter(path, layer, adapter, stored.take(modules.get(path)!, shapes, left));
    }
    if (left.size > 0) {
      const names = [...left.keys()];
      const shown = names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
      throw new CheckpointError(
        'invalid-checkpoint',
        `${source}: no layer takes ${shown}${stored.hint?.(names) ?? ''}`,
      );
    }
    return model;
  } catch (error) {
    undo();
    throw error;
  }
}

/** What the options of an injection would be blamed for is the file's fault here. */
function inject(base: tf.LayersModel, { lora, adapter, configPath }: StoredAdapter): tf.LayersModel {
  try {
    if (!hasLora(base)) return injectLora(base, lora, { adapter });
    addAdapter(base, adapter, lora);
    return base;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new CheckpointError('invalid-checkpoint', `${configPath}: ${error.message}`, { cause: error });
  }
}

/** A pattern for the whole paths of exactly these layers. */
export function exactly(modules: readonly PeftModule[]): RegExp {
  return new RegExp(modules.map(({ path }) => escapeRegExp(path)).join('|'));
}

/** A rank or alpha of single layers, bound to their whole paths. */
export function byPath(values: readonly (readonly [PeftModule, number])[]): Record<string, number> {
  return Object.fromEntries(values.map(([{ path }, value]) => [`^${escapeRegExp(path)}`, value]));
}
