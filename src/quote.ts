import { escapeControls, shorten } from './escape.ts';

/** Characters of a value that a message shows. */
const SHOWN = 100;

/** Names of a list that a message shows by default. */
const LISTED = 8;

/**
 * A value of a file or a caller for a message: as JSON on one line, shortened to about 100 characters, with control
 * characters escaped. 'F33' -> '"F33"', [1, 2] -> '[1,2]'.
 */
export function quote(value: unknown): string {
  if (typeof value === 'string') return escapeControls(JSON.stringify(shorten(value, SHOWN)));
  return printable(typeof value === 'object' ? jsonOf(value) : String(value));
}

/** A name for a message: shortened to 100 characters, with control characters escaped. */
export function printable(text: string): string {
  return escapeControls(shorten(text, SHOWN));
}

/** Names for a message: ['a', 'b'] -> 'a, b'. At most `limit` (8) are shown, then 'and 12 more'. */
export function listNames(names: readonly string[], limit = LISTED): string {
  const shown = names.slice(0, limit).map(printable).join(', ');
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown;
}

function jsonOf(value: object | null): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'a deeply nested value'; // JSON.parse accepts deeper nesting than JSON.stringify
  }
}
