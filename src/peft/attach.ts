import { CheckpointError } from '../errors.ts';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
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
import { listNames } from '../text/index.ts';
import { withConfigErrors } from './config.ts';
import type { PeftModule } from './modules.ts';
import { layerList } from './targets.ts';

/** The name of an adapter, and the files that it is read from. */
export interface AdapterFiles {
  /** Name of the adapter in the model. */
  readonly adapter: string;
  readonly configPath: string;
  readonly weightsPath: string;
  /** Called with one line for each problem that does not prevent loading. */
  readonly onWarning: (message: string) => void;
}

/** An adapter that was read from files. */
export interface StoredAdapter extends AdapterFiles {
  readonly lora: LoraConfig;
  /** The layers of the model. */
  readonly modules: readonly PeftModule[];
  /** All tensors of the weights file. */
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  /**
   * Removes the tensors of one layer from `remaining` and converts them.
   *
   * @param shapes the shapes in tfjs' layout of the tensors that the layer needs, by the names of `readAdapter`
   * @returns float32 in tfjs' layout, by the names of `readAdapter`
   */
  takeTensors(
    module: PeftModule,
    shapes: ReadonlyMap<string, readonly number[]>,
    remaining: Map<string, SafeTensor>,
  ): ReadonlyMap<string, AdapterTensor>;
}

/**
 * Adds a stored adapter to a model. A model without adapters is copied, and the copy is returned; a model that has
 * adapters gets one more, which is not active, and is returned itself.
 *
 * @throws CheckpointError if a layer's tensors are missing or have another shape, or a tensor belongs to no layer. The
 *   model is unchanged then.
 */
export function attachAdapter(base: AdaptableModel, stored: StoredAdapter): AdaptableModel {
  const { adapter, configPath, weightsPath, lora } = stored;
  const onWarning = (message: string) => stored.onWarning(`${configPath}: ${message}`);
  const modules = new Map(stored.modules.map((module) => [module.path, module]));
  checkRanks(stored);
  const model = withConfigErrors(configPath, () => {
    if (!isLayeredGraphModel(base) && !hasLora(base)) return injectLora(base, lora, { adapter, onWarning });
    addAdapter(base, adapter, lora, { onWarning });
    return base;
  });
  try {
    const remaining = new Map(stored.tensors);
    for (const { path, layer } of loraLayers(model)) {
      const shapes = new Map([...readAdapter(layer, adapter)].map(([part, { shape }]) => [part, shape]));
      if (shapes.size === 0) continue;
      writeAdapter(layer, adapter, stored.takeTensors(modules.get(path)!, shapes, remaining), path);
    }
    if (remaining.size > 0) {
      const names = listNames([...remaining.keys()], 5);
      throw new CheckpointError(
        'invalid-checkpoint',
        `${weightsPath}: unexpected tensors ${names}; ${layerList(stored.modules)}`,
      );
    }
    return model;
  } catch (error) {
    if (model === base) deleteAdapter(model, adapter);
    else model.dispose();
    throw error;
  }
}

/**
 * Checks the configured ranks before memory of their size is allocated.
 *
 * @throws CheckpointError if a rank is larger than every side of every tensor
 */
function checkRanks({ lora, tensors, configPath, weightsPath }: StoredAdapter): void {
  const largest = [...tensors.values()].flatMap(({ shape }) => shape).reduce((a, b) => Math.max(a, b), 0);
  const rank = [lora.rank ?? 1, ...Object.values(lora.rankPattern ?? {})].find((value) => value > largest);
  if (rank === undefined) return;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${configPath}: rank ${rank} does not fit ${weightsPath}, whose tensors have at most ${largest} rows or columns`,
  );
}
