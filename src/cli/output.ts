/**
 * What commands print may contain names from files, and these may contain control characters, such as sequences that change
 * the terminal's title or hide text. Everything printed passes through `safeOutput`, which escapes them.
 */
import { escapeControls, shortenMiddle } from '../text/index.ts';
import type { CliContext } from './context.ts';
import { withoutPasswords } from './passwords.ts';

/** Longest line of a message, in characters. Messages quote paths and values of files, which can be of any length. */
const MAX_LINE = 1000;

/** The sequences that reports use (ECMA-48, SGR): bold, dim, red, green and their ends. Others could hide text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: ESC starts the sequence
const COLORS = /(\u001b\[(?:1|2|22|31|32|39)m)/;

/**
 * Returns a context that escapes control characters in what it prints. In results, colours stay if the context has them. In
 * messages, lines are also shortened. Passwords of URLs are hidden.
 */
export function safeOutput(context: CliContext): CliContext {
  return {
    ...context,
    print: (text) => {
      const shown = withoutPasswords(text);
      context.print(context.color ? escapeExceptColors(shown) : escapeControls(shown, '\n\t'));
    },
    note: (text) => context.note(text.split('\n').map(messageLine).join('\n')),
    annotate: (text) => context.annotate(escapeControls(withoutPasswords(text))),
  };
}

/**
 * Returns a message as one line of at most `MAX_LINE` characters, without control characters. It is shortened before they are
 * escaped, so that a message of any size takes little time, and again after, because escapes are longer.
 */
export function messageLine(text: string): string {
  return shortenMiddle(escapeControls(shortenMiddle(withoutPasswords(text), MAX_LINE), '\t'), MAX_LINE);
}

/** Escapes all control characters except line breaks, tabs and colours. */
function escapeExceptColors(text: string): string {
  const parts = text.split(COLORS); // those with an odd index are the colours
  return parts.map((part, index) => (index % 2 === 1 ? part : escapeControls(part, '\n\t'))).join('');
}
