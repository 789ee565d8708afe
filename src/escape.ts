/**
 * Characters that a terminal acts on or cannot show, or that change the order or visibility of other text: control
 * characters, line separators, lone surrogates, marks of text direction (Unicode Standard Annex 9), zero-width spaces.
 */
const UNPRINTABLE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb]/gu;

/**
 * Replaces characters that must not reach a terminal or a document by JSON's escapes: ESC becomes `\u001b`. The value of
 * a JSON text stays equal if its line breaks are kept.
 *
 * @param keep characters that stay, such as `\n\t` in text of several lines
 */
export function escapeControls(text: string, keep = ''): string {
  return text.replace(UNPRINTABLE, (character) =>
    keep.includes(character) ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Cuts a text to at most `length` characters, the last an ellipsis: 'pullover' to 6 -> 'pullo…'. */
export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Like `shorten`, but leaves out the middle, since messages end in what to do: 'pullover' to 6 -> 'pull…r'. */
export function shortenMiddle(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = Math.floor((length - 1) / 3);
  return `${shorten(text, length - end)}${text.slice(text.length - end)}`;
}
