import { InvalidArgumentError } from '@commander-js/extra-typings';
import { parseLabels } from '../../data/index.ts';
import { UsageError } from '../../errors.ts';
import type { LayerPattern } from '../../lora/index.ts';

// Each parser turns the text of an option into its value, or throws commander's InvalidArgumentError.

/** Whole number from `minimum` to `maximum`. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text.trim()) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`It must be a whole number ${range(minimum, maximum)}.`);
    }
    return value;
  };
}

/** Finite number from `minimum` to `maximum`. */
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

/** Finite number above 0. */
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

/** '3,2,5' -> [2, 3, 5]. Whether a model or data set has these labels is checked where they are used. */
export function labels(text: string): readonly number[] {
  try {
    return parseLabels(text);
  } catch (error) {
    if (error instanceof UsageError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

/** '0,5,10-12' -> [0, 5, 10, 11, 12], in the order given. */
export function rows(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const match = /^\s*(\d{1,9})(?:-(\d{1,9}))?\s*$/.exec(part);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!match || last < first) {
      throw new InvalidArgumentError(
        `It must be row numbers and ranges, such as 0,5,10-19; '${part}' is neither.`,
      );
    }
    if (last - first >= MAX_ROWS) throw new InvalidArgumentError(`A range has at most ${MAX_ROWS} rows.`);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

const MAX_ROWS = 1_000_000;

/** 'all', '/regular expression/', or names separated by commas. */
export function layers(text: string): LayerPattern {
  if (text === 'all') return text;
  const expression = /^\/(.*)\/$/.exec(text)?.[1];
  if (expression === undefined) {
    const names = text.split(',').map((name) => name.trim());
    if (names.every((name) => name !== '')) return names;
    throw new InvalidArgumentError(
      "It must be 'all', layer names separated by commas, or /a regular expression/.",
    );
  }
  try {
    return new RegExp(expression);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

/**
 * 'name=number,name=number' -> record. Repeated options add to it.
 *
 * @param isValid whether a number is allowed
 * @param expected what the entries must be, for the message
 */
export function numbersByName(
  isValid: (value: number) => boolean,
  expected: string,
): (text: string, previous?: Readonly<Record<string, number>>) => Readonly<Record<string, number>> {
  return (text, previous) => {
    const entries = text.split(',').map((entry) => {
      const [name, value, ...rest] = entry.split('=').map((part) => part.trim());
      if (!name || !value || rest.length > 0 || !isValid(Number(value))) {
        throw new InvalidArgumentError(`It must be ${expected}.`);
      }
      return [name, Number(value)];
    });
    return { ...previous, ...Object.fromEntries(entries) };
  };
}

/**
 * A union's values as the list of an option's choices. The compiler rejects missing and unknown values. The lists that
 * rooms export are not used, because they would load TensorFlow for `--help`.
 */
export function choicesOf<T extends string>(values: Readonly<Record<T, true>>): T[] {
  return Object.keys(values) as T[];
}

/** The text that an option would be given for a value: the inverse of its parser. */
export function optionText(value: unknown): string {
  if (Array.isArray(value)) return value.map(optionText).join(',');
  if (!isRecord(value)) return String(value);
  return Object.entries(value)
    .map(([name, entry]) => `${name}=${optionText(entry)}`)
    .join(',');
}

/** Whether a value is a plain object, such as a table of TOML. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]';
}
