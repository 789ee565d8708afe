import { UsageError } from './errors.ts';

/** @throws UsageError if an argument is not an object */
export function checkObject(name: string, value: unknown): void {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new UsageError('invalid-argument', `${name}: must be an object (${describe(value)})`);
}

/** @throws UsageError if an argument is not a list */
export function checkList(name: string, value: unknown): void {
  if (!Array.isArray(value))
    throw new UsageError('invalid-argument', `${name}: must be a list (${describe(value)})`);
}

/** @throws UsageError if an argument is not a string */
export function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string')
    throw new UsageError('invalid-argument', `${name}: must be a string (${describe(value)})`);
}

/** @throws UsageError if an optional argument is set but is not a function */
export function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function')
    throw new UsageError('invalid-argument', `${name}: must be a function (${describe(value)})`);
}

/** Describes a value for an error message. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'string') return `'${value.slice(0, 40)}'`;
  return value !== null && typeof value === 'object' ? 'an object' : String(value);
}
