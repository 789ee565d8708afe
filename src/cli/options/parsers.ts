import { InvalidArgumentError } from '@commander-js/extra-typings';

/** Whole number of at least `minimum`, and at most `maximum` where that is given. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text.trim()) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`It must be a whole number ${range(minimum, maximum)}.`);
    }
    return value;
  };
}

/** Finite number within [minimum, maximum]. */
export function number(minimum: number, maximum = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`It must be a number ${range(minimum, maximum)}.`);
    }
    return value;
  };
}

/** Any finite number. */
export function finite(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

/** Finite number above zero. */
export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function range(minimum: number, maximum: number): string {
  return Number.isFinite(maximum) && maximum !== Number.MAX_SAFE_INTEGER
    ? `from ${minimum} to ${maximum}`
    : `of at least ${minimum}`;
}

/** Labels separated by commas, such as 2,3,5,8,9. */
export function labels(text: string): readonly number[] {
  return text.split(',').map((part) => integer(0, 255)(part));
}
