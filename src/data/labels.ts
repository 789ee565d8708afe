import { DataError, UsageError } from '../errors.ts';

/** The most classes a data set can have: a label is one byte. */
export const MAX_CLASSES = 256;

/** Names for classes that have none: `0`, `1`, ... */
export function defaultClassNames(classes: number): string[] {
  return Array.from({ length: classes }, (_, label) => String(label));
}

/**
 * Parses a list of labels such as `2,3,5,8,9`.
 *
 * @param classes number of classes; labels are 0 .. classes - 1
 * @returns the labels in ascending order, at least one, none twice
 * @throws UsageError if the list is empty, or an entry is not a label or is listed twice
 */
export function parseLabels(text: string, classes = MAX_CLASSES): readonly number[] {
  const expected = `list labels from 0 to ${classes - 1}, separated by commas`;
  const invalid = (problem: string) => new UsageError('invalid-argument', `labels '${text}': ${problem}`);
  if (text.trim() === '') throw invalid(`the list is empty; ${expected}`);
  const labels = text.split(',').map((part) => {
    if (!/^\d+$/.test(part.trim())) throw invalid(`'${part}' is not a label; ${expected}`);
    const label = Number(part);
    if (label >= classes) throw invalid(`${label} is not one of the ${classes} classes; ${expected}`);
    return label;
  });
  const repeated = labels.find((label, index) => labels.indexOf(label) !== index);
  if (repeated !== undefined) throw invalid(`${repeated} is listed twice; list each label once`);
  return labels.toSorted((a, b) => a - b);
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
