import type { InitOptions } from '../../lora/index.ts';
import type { ImageDataset, Sampler } from '../../mnist-data-loader/index.ts';
import type { Normalization } from '../../models/index.ts';
import {
  classificationTask,
  gatherBatch,
  type OptimizerConfig,
  withSeededDropout,
} from '../../training/index.ts';

/** More than a batch, so that the gradient is that of the digits and not of a few images. */
const EXAMPLES = 256;

/** What `--init lora-ga` starts from: the mean loss of the first examples in the order of training. */
export function startLoss(
  order: Sampler,
  options: {
    readonly dataset: ImageDataset;
    readonly normalization: Normalization;
    readonly batchSize: number;
    readonly optimizer: OptimizerConfig;
    readonly seed: number;
  },
): NonNullable<InitOptions['loss']> {
  return (model) => {
    const task = classificationTask({ ...options, model });
    const { inputs, labels } = gatherBatch(task.data, order.take(0, EXAMPLES));
    return withSeededDropout({ seed: options.seed, step: 0 }, () => task.loss(inputs, labels));
  };
}
