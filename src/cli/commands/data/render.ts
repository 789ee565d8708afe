import type { DataError } from '../../../errors.ts';
import {
  countByLabel,
  datasetWarnings,
  overlapWarnings,
  type Split,
} from '../../../mnist-data-loader/index.ts';
import { formatCount, plainTable, tableText } from '../../../text/index.ts';

/** The sets of a folder that could be loaded, and why others could not. */
export interface LoadedFolder {
  readonly directory: string;
  readonly train?: Split;
  readonly test?: Split;
  readonly errors: readonly DataError[];
}

interface SetDocument {
  readonly images: string;
  readonly labels: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
  /** Images of each label. */
  readonly perLabel: readonly number[];
  /** Of the uncompressed files. */
  readonly sha256: { readonly images: string; readonly labels: string };
  readonly published: boolean;
}

/** What `data --json` prints. */
export interface DataDocument {
  readonly format: 'tfjs-lora data';
  readonly formatVersion: 1;
  readonly directory: string;
  /** Whether every file is that of the MNIST database as published. */
  readonly published: boolean;
  readonly train: SetDocument | null;
  readonly test: SetDocument | null;
  /** What makes a set unusable; only `data check` prints this and the warnings. */
  readonly errors?: readonly string[];
  /** What is suspicious. */
  readonly warnings?: readonly string[];
}

/** What there is to say of a folder without looking at its images. */
export function dataDocument({ directory, train, test }: LoadedFolder): DataDocument {
  return {
    format: 'tfjs-lora data',
    formatVersion: 1,
    directory,
    published: train?.published === true && test?.published === true,
    train: train ? setDocument(train) : null,
    test: test ? setDocument(test) : null,
  };
}

/** The findings of `data check`; it compares every image of both sets, some tenths of a second for MNIST. */
export function dataFindings({ directory, train, test, errors }: LoadedFolder) {
  const warnings = [
    ...(train ? datasetWarnings(train.dataset, 'train') : []),
    ...(test ? datasetWarnings(test.dataset, 'test') : []),
  ];
  const found = errors.map((error) => error.message);
  if (train && test) {
    const [one, other] = [train.dataset, test.dataset];
    if (one.height !== other.height || one.width !== other.width) {
      found.push(
        `${directory}: images to train on are ${one.height}x${one.width}, those to test ${other.height}x${other.width}`,
      );
    } else {
      warnings.push(...overlapWarnings(one, other));
    }
  }
  if (!train && errors.length === 0) warnings.push('train: is missing; only evaluation is possible');
  if (!test && errors.length === 0) warnings.push('test: is missing; nothing can be evaluated');
  return { errors: found, warnings };
}

/** The document as text of at most 80 columns, paths and digests aside. */
export function renderData(document: DataDocument): string {
  const sets = [
    ['train', document.train],
    ['test', document.test],
  ] as const;
  const present = sets.filter((entry): entry is ['train' | 'test', SetDocument] => entry[1] !== null);
  const lines = [
    `${document.directory}: ${document.published ? 'MNIST as published' : 'not the published MNIST'}`,
  ];
  if (present.length > 0)
    lines.push('', table(present), '', ...present.flatMap(([, set]) => digestLines(set)));
  if (document.errors && document.warnings) {
    lines.push('', ...document.errors.map((error) => `unusable  ${error}`));
    lines.push(...document.warnings.map((warning) => `warning   ${warning}`));
    if (document.errors.length + document.warnings.length === 0) lines.push('nothing wrong found');
  }
  return lines.join('\n');
}

function setDocument({ dataset, files, digests, published }: Split): SetDocument {
  const { count, height, width, classes } = dataset;
  return {
    ...files,
    count,
    height,
    width,
    classes,
    perLabel: countByLabel(dataset),
    sha256: digests,
    published,
  };
}

function table(sets: readonly (readonly [string, SetDocument])[]): string {
  const output = plainTable(['left', ...sets.map(() => 'right' as const)]);
  const row = (title: string, value: (set: SetDocument) => string) => [
    title,
    ...sets.map(([, set]) => value(set)),
  ];
  const labels = Math.max(...sets.map(([, set]) => set.classes));
  output.push(
    ['', ...sets.map(([name]) => name)],
    row('images', (set) => formatCount(set.count)),
    row('size', (set) => `${set.height}x${set.width}`),
    ...Array.from({ length: labels }, (_, label) =>
      row(`label ${label}`, (set) => formatCount(set.perLabel[label] ?? 0)),
    ),
  );
  return tableText(output);
}

function digestLines({ images, labels, sha256 }: SetDocument): string[] {
  return [`sha256 ${sha256.images}  ${images}`, `sha256 ${sha256.labels}  ${labels}`];
}
