import { UsageError } from '../errors.ts';

/** Names for classes that have none: `0`, `1`, ... */
export function defaultClassNames(classes: number): string[] {
  return Array.from({ length: classes }, (_, label) => String(label));
}

/**
 * Reads a list of classes such as `2,3,5,8,9`.
 *
 * @param classes how many there are; labels are 0 .. classes - 1
 * @param option what messages call the value
 * @returns the labels in ascending order, at least one, none twice
 * @throws UsageError for an empty list, something else than a label, a label given twice
 */
export function parseLabels(text: string, classes: number, option = '--digits'): readonly number[] {
  const allowed = `give labels from 0 to ${classes - 1}, separated by commas`;
  if (text.trim() === '') throw new UsageError('invalid-argument', `${option}: is empty; ${allowed}`);
  const labels = text.split(',').map((part) => {
    const label = Number(part);
    if (!/^\d+$/.test(part.trim()))
      throw new UsageError('invalid-argument', `${option} ${text}: '${part}' is no label; ${allowed}`);
    if (label >= classes)
      throw new UsageError('invalid-argument', `${option} ${text}: there is no label ${label}; ${allowed}`);
    return label;
  });
  const twice = labels.find((label, index) => labels.indexOf(label) !== index);
  if (twice !== undefined)
    throw new UsageError('invalid-argument', `${option} ${text}: ${twice} is there twice; name each once`);
  return labels.toSorted((one, other) => one - other);
}
