/** The entry point `tfjs-lora/data`: labelled images, splits, subsets and samplers. Needs no TensorFlow. */
export {
  countByLabel,
  dataHash,
  datasetWarnings,
  type ImageDataset,
  overlapWarnings,
  parseLabels,
  replaySampler,
  rowsOfLabels,
  type Sampler,
  type SubsetOptions,
  selectRows,
  sharedRows,
  shuffledSampler,
  splitRows,
  subsetOf,
} from '../data/index.ts';
