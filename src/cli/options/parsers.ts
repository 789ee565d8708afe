import { InvalidArgumentError } from '@commander-js/extra-typings';
import {
  IMAGE_ADJUSTMENTS,
  type ImageAdjustment,
  listEntries,
  parseLabels,
  parseRange,
} from '../../data/index.ts';
import { UsageError } from '../../errors.ts';
import type { LayerPattern } from '../../lora/index.ts';
import { shorten } from '../../text/index.ts';

// Each parser converts the text of an option to its value, or throws Commander's InvalidArgumentError. Commander prints
// the message after "option '--x' argument 'y' is invalid."

/** Returns a parser of whole numbers from `minimum` to `maximum`. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text.trim()) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`It must be a whole number ${range(minimum, maximum)}.`);
    }
    return value;
  };
}

/** Returns a parser of finite numbers from `minimum` to `maximum`. */
export function number(minimum: number, maximum = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`It must be a number ${range(minimum, maximum)}.`);
    }
    return value;
  };
}

/** Parses any finite number. */
export function finite(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

/** Parses a finite number above 0. */
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

/** Parses labels: '3,2,5' -> [2, 3, 5], '2-4 7' -> [2, 3, 4, 7]. Labels that the data does not have are rejected later. */
export function labels(text: string): readonly number[] {
  try {
    return parseLabels(text);
  } catch (error) {
    if (error instanceof UsageError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

/** Parses adjustments of images: 'transpose,invert' -> both, 'none' -> []. */
export function adjustments(text: string): readonly ImageAdjustment[] {
  if (text.trim() === 'none' || text === '') return [];
  const names = text.split(',').map((name) => name.trim());
  const known = IMAGE_ADJUSTMENTS.filter((name) => names.includes(name));
  if (known.length === names.length) return known;
  throw new InvalidArgumentError(`It must be 'transpose', 'invert', 'transpose,invert' or 'none'.`);
}

/**
 * Returns a parser of whole numbers and ranges: '0,5,10-12' -> [0, 5, 10, 11, 12], in the given order.
 *
 * @param kind what the numbers are, for the error message
 */
export function wholeNumbers(kind: string): (text: string) => number[] {
  return (text) =>
    listEntries(text).flatMap((entry) => {
      const [first, last] = parseRange(entry) ?? [0, -1];
      if (last < first) {
        throw new InvalidArgumentError(
          `It must be ${kind} or ranges separated by commas, such as 0,5,10-19 (invalid: '${shorten(entry, 20)}').`,
        );
      }
      if (last - first >= MAX_RANGE)
        throw new InvalidArgumentError(`A range can have at most ${MAX_RANGE} numbers.`);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

const MAX_RANGE = 1_000_000;

/** Parses a layer pattern: 'all', '/regular expression/', or names separated by commas. */
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
 * Returns a parser of 'name=number,name=number'. If the option is repeated, the entries are combined.
 *
 * @param isValid whether a number is allowed
 * @param expected the expected format, for the error message
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
 * Returns the values of a union type, as the choices of an option. The parameter's type makes the compiler reject missing
 * and unknown values. The lists that the library exports are not used here, because importing them loads TensorFlow, which
 * would slow down `--help`.
 */
export function choicesOf<T extends string>(values: Readonly<Record<T, true>>): T[] {
  return Object.keys(values) as T[];
}

/** Formats an option's value as the text that its parser accepts. */
export function optionText(value: unknown): string {
  if (Array.isArray(value)) return value.map(optionText).join(',');
  if (!isRecord(value)) return String(value);
  return Object.entries(value)
    .map(([name, entry]) => `${name}=${optionText(entry)}`)
    .join(',');
}

/** Whether a value is a plain object, such as a TOML table. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]';
}
