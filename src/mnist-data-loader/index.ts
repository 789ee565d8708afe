export { checkMnist, type MnistCheck } from './check.ts';
export { findMnist } from './find.ts';
export { encodeIdx, type IdxArray, MAX_IDX_BYTES, parseIdx, readIdx, writeIdx } from './idx.ts';
export { type LoadOptions, loadMnist, loadSplit, type Mnist, type Split } from './load.ts';
export type { MnistFiles, SplitFiles, SplitName } from './mnist-files.ts';
export { type WriteOptions, writeMnist } from './write.ts';
