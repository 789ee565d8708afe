import { UsageError } from './errors.ts';

interface Kind {
  readonly what: string;
  readonly matches: (value: unknown) => boolean;
  /** Of a list: what its elements must be. */
  readonly elements?: 'number' | 'string';
}

/** What an argument can have to be. */
const KINDS = {
  object: { what: 'an object', matches: (value) => isObject(value) && !Array.isArray(value) },
  list: { what: 'a list', matches: Array.isArray },
  strings: { what: 'a list of strings', matches: Array.isArray, elements: 'string' },
  /** Also a typed array. */
  numbers: { what: 'a list of numbers', matches: isArrayLike, elements: 'number' },
  bytes: {
    what: 'a Uint8Array',
    matches: (value) => value instanceof Uint8Array || value instanceof Uint8ClampedArray,
  },
  map: { what: 'a Map', matches: (value) => isObject(value) && Symbol.iterator in value && 'size' in value },
  string: { what: 'a string', matches: (value) => typeof value === 'string' },
  number: { what: 'a number', matches: (value) => typeof value === 'number' },
  boolean: { what: 'true or false', matches: (value) => typeof value === 'boolean' },
  function: { what: 'a function', matches: (value) => typeof value === 'function' },
} as const satisfies Record<string, Kind>;

/** What an argument must be; with `?`, it may be undefined as well. */
export type ArgumentKind = keyof typeof KINDS | `${keyof typeof KINDS}?`;

/** What fields of an object must be. */
export type Fields<T = object> = { readonly [K in keyof T]?: ArgumentKind };

/**
 * Checks the type of an argument.
 *
 * @param name for the message, such as `evaluation` or `evaluation.labels`
 * @throws UsageError if it is something else
 */
export function checkArgument(name: string, value: unknown, kind: ArgumentKind): void {
  if (value === undefined && kind.endsWith('?')) return;
  const { what, matches, elements }: Kind = KINDS[kind.replace('?', '') as keyof typeof KINDS];
  if (!matches(value)) throw wrongArgument(name, what, value);
  if (elements === undefined || !Array.isArray(value)) return;
  const wrong = value.findIndex((element) => typeof element !== elements);
  if (wrong >= 0) checkArgument(`${name}[${wrong}]`, value[wrong], elements);
}

/**
 * Checks the types of an object's fields. Fields that are not listed are not looked at.
 *
 * @param name of the object, for the message
 * @param prefix of the names of fields, for the message
 * @throws UsageError naming the first field that is something else
 */
export function checkFields<T>(name: string, value: T, fields: Fields<T>, prefix = `${name}.`): void {
  checkObject(name, value);
  for (const field of Object.keys(fields) as (keyof T & string)[])
    checkArgument(`${prefix}${field}`, value[field], fields[field]!);
}

/**
 * Checks the types of a function's options.
 *
 * @throws UsageError naming the first option that is something else
 */
export function checkOptions<T>(options: T, fields: Fields<T>): void {
  checkFields('options', options, fields, '');
}

/**
 * Rejects fields that do not exist, so that a misspelt one is not silently ignored.
 *
 * @throws UsageError naming the first of them
 */
export function checkFieldNames(name: string, value: object, known: readonly string[]): void {
  const unknown = Object.keys(value).find((field) => !known.includes(field));
  if (unknown !== undefined)
    throw new UsageError(
      'invalid-argument',
      `${name}: unknown option '${unknown}'; expected one of ${known.join(', ')}`,
    );
}

/** @throws UsageError if an argument is not an object */
export function checkObject(name: string, value: unknown): void {
  checkArgument(name, value, 'object');
}

/** @throws UsageError if an argument is not a list */
export function checkList(name: string, value: unknown): void {
  checkArgument(name, value, 'list');
}

/** @throws UsageError if an argument is not a string */
export function checkText(name: string, value: unknown): void {
  checkArgument(name, value, 'string');
}

/** @throws UsageError if an optional argument is set but is not a function */
export function checkFunction(name: string, value: unknown): void {
  checkArgument(name, value, 'function?');
}

function isObject(value: unknown): value is object {
  return value !== null && typeof value === 'object';
}

function isArrayLike(value: unknown): boolean {
  return isObject(value) && 'length' in value && typeof value.length === 'number';
}

/** The error for an argument that is something else than `what` says. */
export function wrongArgument(name: string, what: string, value: unknown): UsageError {
  return new UsageError('invalid-argument', `${name}: must be ${what} (${describe(value)})`);
}

/** Describes a value for an error message. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`;
  if (!isObject(value)) return String(value);
  const { name = 'Object' } = value.constructor ?? {};
  return name === 'Object' || name === '' ? 'an object' : `an object of class ${name}`;
}
