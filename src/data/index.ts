export { adjustImages, IMAGE_ADJUSTMENTS, type ImageAdjustment } from './adjust.ts';
export { alignedBytes } from './aligned-bytes.ts';
export {
  countByLabel,
  dataHash,
  type ImageDataset,
  requireDataset,
  rowsOfLabels,
  selectRows,
} from './dataset.ts';
export {
  defaultClassNames,
  listEntries,
  MAX_CLASSES,
  parseLabels,
  parseRange,
  requireClasses,
  requireLabels,
} from './labels.ts';
export {
  epochOrder,
  type OrderOptions,
  replaySampler,
  type Sampler,
  samplerOfOrders,
  shuffledSampler,
} from './sampler.ts';
export { type SubsetOptions, splitRows, subsetOf } from './split.ts';
export { datasetWarnings, overlapWarnings, sharedRows } from './warnings.ts';
