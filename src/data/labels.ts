import { checkArgument } from '../arguments.ts';
import { DataError, UsageError } from '../errors.ts';
import { shorten } from '../text/index.ts';

/** The most classes a data set can have: a label is one byte. */
export const MAX_CLASSES = 256;

/** Names for classes that have none: `0`, `1`, ... */
export function defaultClassNames(classes: number): string[] {
  return Array.from({ length: classes }, (_, label) => String(label));
}

/**
 * Parses a list of labels such as `2,3,5`, `2 3 5`, `2-5` or `0,2-4`.
 *
 * @param classes number of classes; labels are 0 .. classes - 1
 * @returns the labels in ascending order, at least one, none twice
 * @throws UsageError if an argument is not what its type says, the list is empty, an entry is not a label or a range of labels, or a label is listed twice
 */
export function parseLabels(text: string, classes = MAX_CLASSES): readonly number[] {
  checkArgument('labels', text, 'string');
  checkArgument('classes', classes, 'number');
  const expected = `list labels from 0 to ${classes - 1}, separated by commas, or ranges such as 2-5`;
  const invalid = (problem: string) =>
    new UsageError('invalid-argument', `labels '${shorten(text, 60)}': ${problem}`);
  if (text.trim() === '') throw invalid(`the list is empty; ${expected}`);
  const labels = listEntries(text).flatMap((entry) => {
    const range = parseRange(entry);
    if (!range) throw invalid(`'${shorten(entry, 20)}' is not a label; ${expected}`);
    const [first, last] = range;
    if (last < first) throw invalid(`the range ${entry} is reversed; write ${last}-${first}`);
    if (last >= classes) throw invalid(`${last} is not one of the ${classes} classes; ${expected}`);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  const repeated = labels.find((label, index) => labels.indexOf(label) !== index);
  if (repeated !== undefined) throw invalid(`${repeated} is listed twice; list each label once`);
  return labels.toSorted((a, b) => a - b);
}

/** Splits a list at commas or spaces: `0, 2 - 4 7` -> `0`, `2-4`, `7`. Empty entries between commas are kept. */
export function listEntries(text: string): string[] {
  return text
    .trim()
    .replace(/(?<=\d)\s*[-–]\s*(?=\d)/g, '-')
    .split(/\s*,\s*|\s+/);
}

/** Parses a whole number or a range of them: `7` -> [7, 7], `2-5` -> [2, 5]; the ends may be in either order. */
export function parseRange(entry: string): [first: number, last: number] | undefined {
  const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(entry);
  return match ? [Number(match[1]), Number(match[2] ?? match[1])] : undefined;
}

/**
 * Checks that every label is a whole number from 0 to `classes - 1`.
 *
 * @param name of the data, for the message
 * @throws DataError with the first row whose label is outside
 */
export function requireLabels(labels: ArrayLike<number>, classes: number, name = 'data'): void {
  for (let row = 0; row < labels.length; row++) {
    const label = labels[row]!;
    if (label >= 0 && label < classes && Number.isInteger(label)) continue;
    throw new DataError(
      'invalid-data',
      `${name}: label ${label} in row ${row} is outside the ${classes} classes (0 to ${classes - 1}); relabel it or use a model of more classes`,
    );
  }
}

/**
 * Checks a choice of labels.
 *
 * @throws UsageError with the first label that is not one of the classes
 */
export function requireClasses(labels: readonly number[], classes: number): void {
  const unknown = labels.find((label) => !(label >= 0 && label < classes && Number.isInteger(label)));
  if (unknown === undefined) return;
  throw new UsageError(
    'unknown-class',
    `label ${unknown}: not one of the ${classes} classes, 0 to ${classes - 1}`,
  );
}
