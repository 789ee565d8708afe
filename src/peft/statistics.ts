import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { takeValues } from '../models/index.ts';
import { type SafeTensor, safeTensor } from '../safetensors/index.ts';
import { toTorch } from '../torch/index.ts';
import type { PeftModule } from './modules.ts';
import { PREFIX } from './parts.ts';

/** PyTorch's count of batches, which nothing here needs and PEFT insists on. */
const COUNTER = 'num_batches_tracked';

/**
 * The moving averages of a normalisation layer, by their names in PEFT's file. PEFT stores them with a layer that is
 * trained whole; here they stay the base's. Empty for other layers.
 */
export function statisticsOf({ path, layer, layouts, flattened }: PeftModule): Map<string, SafeTensor> {
  const statistics = new Map<string, SafeTensor>();
  for (const layout of layouts.filter(({ weight }) => weight.startsWith('moving_'))) {
    const weight = layer.weights.find(({ originalName }) => originalName.endsWith(`/${layout.weight}`))!;
    const value = toTorch(weight.read() as tf.Tensor, layout, flattened);
    statistics.set(`${PREFIX}${path}.${layout.parameter}`, safeTensor(takeValues(value), value.shape));
  }
  if (statistics.size > 0) {
    statistics.set(`${PREFIX}${path}.${COUNTER}`, { dtype: 'I64', shape: [], data: new Uint8Array(8) });
  }
  return statistics;
}

/**
 * Takes the moving averages of a layer that was trained whole out of `left`.
 *
 * @throws CheckpointError when they are not those of the base
 */
export function takeStatistics(source: string, module: PeftModule, left: Map<string, SafeTensor>): void {
  for (const [name, { data }] of statisticsOf(module)) {
    const stored = left.get(name);
    left.delete(name);
    if (!stored || name.endsWith(COUNTER) || Buffer.compare(stored.data, data) === 0) continue;
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: ${name} differs from the base's; moving averages that were trained on have no form here, leave '${module.path}' out of modules_to_save`,
    );
  }
}
