import type { z } from 'zod';
import { quote } from '../text/index.ts';

type Issue = z.core.$ZodIssue;

const TYPES: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'an object',
  record: 'an object',
};

const FORMATS: Readonly<Record<string, string>> = {
  datetime: 'a date and time as in ISO 8601',
  base64: 'base64 text',
  sha256_hex: 'a SHA-256 in 64 hexadecimal digits',
};

/**
 * Returns the first invalid field, what is allowed, and the value: `training.steps: must be at least 1 (0)`.
 *
 * @param content what was checked
 */
export function firstFault({ issues }: z.ZodError, content: unknown): string {
  return describe(issues[0]!, content, '');
}

function describe(issue: Issue, content: unknown, parent: string): string {
  const value = valueAt(content, issue.path);
  const field = [parent, ...issue.path.map(String)].filter((part) => part !== '').join('.');
  if (issue.code === 'unrecognized_keys') {
    return `${field === '' ? '' : `${field}.`}${quote(issue.keys[0]).slice(1, -1)}: unknown`;
  }
  if (issue.code === 'invalid_union') {
    const branches = issue.errors.map(([first]) => first!);
    const closest = branches.find(({ path }) => path.length > 0);
    if (closest) return describe(closest, value, field);
  }
  const name = field || 'content';
  if (value === undefined) return `${name}: missing`;
  return `${name}: must ${requirement(issue)} (${quote(value)})`;
}

/** Describes what is allowed, as a phrase that follows "must". */
function requirement(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return limit(issue.origin, issue.inclusive === false ? 'above' : 'at least', issue.minimum);
    case 'too_big':
      return limit(issue.origin, issue.inclusive === false ? 'below' : 'at most', issue.maximum);
    case 'invalid_value':
      return `be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'invalid_format':
      return `be ${FORMATS[issue.format] ?? `in the format ${issue.format}`}`;
    case 'invalid_union':
      return [...new Set(issue.errors.map(([first]) => requirement(first!)))].join(' or ');
    default:
      return issue.message;
  }
}

function limit(origin: string, bound: string, size: number | bigint): string {
  if (origin === 'string') return `have ${bound} ${size} characters`;
  if (origin === 'array') return `have ${bound} ${size} ${Number(size) === 1 ? 'entry' : 'entries'}`;
  return `be ${bound} ${size}`;
}

function valueAt(content: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[key],
    content,
  );
}
