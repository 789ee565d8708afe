/** The entry point `tfjs-lora/mnist-data-loader`: IDX files. Needs no TensorFlow. */

export {
  checkMnist,
  encodeIdx,
  findMnist,
  type IdxArray,
  type LoadOptions,
  loadMnist,
  loadSplit,
  MAX_IDX_BYTES,
  type Mnist,
  type MnistCheck,
  type MnistFiles,
  parseIdx,
  readIdx,
  type Split,
  type SplitFiles,
  type SplitName,
  type WriteOptions,
  writeIdx,
  writeMnist,
} from '../mnist-data-loader/index.ts';
export * from './data.ts';
