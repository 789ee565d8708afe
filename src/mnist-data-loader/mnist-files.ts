import type { HashedIdxArray, IdxArray } from './idx.ts';

/** The two parts of a data set. */
export type SplitName = 'train' | 'test';

/** Paths of the two files of a split. */
export interface SplitFiles {
  readonly images: string;
  readonly labels: string;
}

/** The files found in a folder. A split is absent if both of its files are. */
export interface MnistFiles {
  /** The folder, or the file that contains the data set. */
  readonly directory: string;
  /** Format of the files. Default: IDX. */
  readonly format?: 'csv' | 'npz';
  /** Whether both splits are parts of one file, which does not say which image belongs to which. */
  readonly isSplit?: boolean;
  readonly train?: SplitFiles;
  readonly test?: SplitFiles;
}

/** Images [count, height, width] and their labels [count]. */
export interface LabelledArrays {
  readonly images: IdxArray | HashedIdxArray;
  readonly labels: IdxArray;
}
