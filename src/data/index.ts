export { countByLabel, type ImageDataset, rowsOfLabels, selectRows } from './dataset.ts';
export { defaultClassNames, parseLabels } from './labels.ts';
export { replaySampler, type Sampler, shuffledSampler } from './sampler.ts';
export { splitRows } from './split.ts';
export { type SubsetOptions, subsetOf } from './subset.ts';
export { datasetWarnings, rowList, sharedRows } from './warnings.ts';
