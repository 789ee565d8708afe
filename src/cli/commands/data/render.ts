import { countByLabel } from '../../../data/index.ts';
import type { Split } from '../../../mnist-data-loader/index.ts';
import { formatCount, plainTable, tableText } from '../../../text/index.ts';

interface SetDocument {
  /** Path of the images. */
  readonly images: string;
  /** Path of the labels. */
  readonly labels: string;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
  /** Images of each label. */
  readonly perLabel: readonly number[];
  /** Digests of the uncompressed files, in hexadecimal. */
  readonly sha256: { readonly images: string; readonly labels: string };
  /** Whether both files are those of the MNIST database. */
  readonly published: boolean;
}

/** The JSON document of `data`. */
export interface DataDocument {
  readonly format: 'tfjs-lora data';
  readonly formatVersion: 1;
  readonly directory: string;
  /** Whether all four files are those of the MNIST database. */
  readonly published: boolean;
  readonly train: SetDocument | null;
  readonly test: SetDocument | null;
  /** Why a set cannot be used. Only in `data check`, like the warnings. */
  readonly errors?: readonly string[];
  readonly warnings?: readonly string[];
}

/** Describes the data sets of a folder. */
export function dataDocument({
  directory,
  train,
  test,
}: {
  readonly directory: string;
  readonly train?: Split;
  readonly test?: Split;
}): DataDocument {
  return {
    format: 'tfjs-lora data',
    formatVersion: 1,
    directory,
    published: train?.published === true && test?.published === true,
    train: train ? setDocument(train) : null,
    test: test ? setDocument(test) : null,
  };
}

/** The document as text. Lines have at most 80 columns, except for paths and digests. */
export function renderData(document: DataDocument): string {
  const { directory, published, train, test, errors, warnings } = document;
  const sets: [name: string, set: SetDocument][] = [];
  if (train) sets.push(['train', train]);
  if (test) sets.push(['test', test]);
  const lines = [`${directory}: ${published ? 'MNIST as published' : 'not the published MNIST'}`];
  if (sets.length > 0) lines.push('', table(sets), '', ...sets.flatMap(([, set]) => digestLines(set)));
  if (errors && warnings) {
    lines.push('', ...errors.map((error) => `error    ${error}`));
    lines.push(...warnings.map((warning) => `warning  ${warning}`));
    if (errors.length + warnings.length === 0) lines.push('no problems found');
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
  const classes = Math.max(...sets.map(([, set]) => set.classes));
  output.push(
    ['', ...sets.map(([name]) => name)],
    row('images', (set) => formatCount(set.count)),
    row('size', (set) => `${set.height}x${set.width}`),
    ...Array.from({ length: classes }, (_, label) =>
      row(`label ${label}`, (set) => formatCount(set.perLabel[label] ?? 0)),
    ),
  );
  return tableText(output);
}

function digestLines({ images, labels, sha256 }: SetDocument): string[] {
  return [`sha256 ${sha256.images}  ${images}`, `sha256 ${sha256.labels}  ${labels}`];
}
