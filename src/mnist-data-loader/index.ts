export { countByLabel, type ImageDataset, rowsOfLabels, selectRows } from './dataset.ts';
export { findMnist, type MnistFiles, type SplitFiles, type SplitName } from './find.ts';
export { encodeIdx, type IdxArray, MAX_IDX_BYTES, parseIdx, readIdx, writeIdx } from './idx.ts';
export { parseLabels } from './labels.ts';
export { type LoadOptions, loadMnist, loadSplit, type Mnist, type Split } from './mnist.ts';
export { type RowOrder, replayOrder, rowOrder } from './row-order.ts';
export { splitRows } from './split.ts';
