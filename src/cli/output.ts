import { escapeControls, shortenMiddle } from '../text/index.ts';
import type { CliContext } from './context.ts';

/** Longest line of stderr, in characters: a message may quote a long path, but not a whole file. */
const MAX_LINE = 1000;

/** Colours and bold text (ECMA-48, SGR): all that this program sends to a terminal besides text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: ESC starts the sequence
const COLORS = /(\u001b\[[\d;]*m)/;

/** Escapes control characters in what a context prints, because names in files can hold sequences for the terminal. */
export function safeOutput(context: CliContext): CliContext {
  return {
    ...context,
    print: (text) =>
      context.print(context.color ? printableExceptColors(text) : escapeControls(text, '\n\t')),
    note: (text) => context.note(text.split('\n').map(messageLine).join('\n')),
    annotate: (text) => context.annotate(escapeControls(text)),
  };
}

/** A message as one line of limited length without control characters. */
export function messageLine(text: string): string {
  return shortenMiddle(escapeControls(shortenMiddle(text, MAX_LINE), '\t'), MAX_LINE);
}

function printableExceptColors(text: string): string {
  const parts = text.split(COLORS);
  return parts.map((part, index) => (index % 2 === 1 ? part : escapeControls(part, '\n\t'))).join('');
}
