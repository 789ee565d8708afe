import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { takeValues } from '../models/index.ts';
import { type SafeTensor, safeTensor } from '../safetensors/index.ts';
import { toTorch } from '../torch/index.ts';
import { PREFIX } from './format.ts';
import type { PeftModule } from './modules.ts';

/** PyTorch's number of batches seen; not used here, but PEFT requires it. */
const BATCH_COUNTER = 'num_batches_tracked';

/**
 * The running mean and variance of a batch normalization layer, by their names in PEFT's file. PEFT saves them with a
 * layer in `modules_to_save`; here they are always those of the base.
 *
 * @returns `running_mean` and `running_var` [channels] float32, `num_batches_tracked` [] int64; empty for other layers
 */
export function runningStatistics({ name, layer, layouts, flattened }: PeftModule): Map<string, SafeTensor> {
  const statistics = new Map<string, SafeTensor>();
  for (const layout of layouts.filter(({ weight }) => weight.startsWith('moving_'))) {
    const weight = layer.weights.find(({ originalName }) => originalName.endsWith(`/${layout.weight}`))!;
    const value = toTorch(weight.read() as tf.Tensor, layout, flattened);
    statistics.set(`${PREFIX}${name}.${layout.parameter}`, safeTensor(takeValues(value), value.shape));
  }
  if (statistics.size > 0) {
    const counter: SafeTensor = { dtype: 'I64', shape: [], data: new Uint8Array(8) };
    statistics.set(`${PREFIX}${name}.${BATCH_COUNTER}`, counter);
  }
  return statistics;
}

/**
 * Removes the running statistics of a layer from `remaining`, and checks that they are those of the base.
 *
 * @param weightsPath names the file in errors
 * @throws CheckpointError if they differ from the base's
 */
export function takeRunningStatistics(
  weightsPath: string,
  module: PeftModule,
  remaining: Map<string, SafeTensor>,
): void {
  for (const [name, { data }] of runningStatistics(module)) {
    const stored = remaining.get(name);
    remaining.delete(name);
    if (!stored || name.endsWith(BATCH_COUNTER) || isEqual(stored.data, data)) continue;
    throw new CheckpointError(
      'invalid-checkpoint',
      `${weightsPath}: ${name} differs from the base's; trained running statistics are not supported, leave '${module.path}' out of modules_to_save`,
    );
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
