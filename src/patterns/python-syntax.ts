/** An expression of Python's `re` module in the syntax of RE2. */
export interface TranslatedExpression {
  readonly source: string;
  /** Whether RE2 reads a part of it for ASCII and Python for Unicode, such as `\w`; both agree on printable ASCII. */
  readonly isForAscii: boolean;
}

/** Python's syntax that is invalid, or that has no counterpart in RE2. */
export class PythonSyntaxError extends Error {}

/**
 * Translates an expression of Python 3.11's `re` to RE2. Groups do not capture afterwards.
 *
 * @throws PythonSyntaxError for lookarounds, backreferences, conditions, atomic groups and possessive quantifiers, which
 *   RE2 does not have, and for what is invalid in Python. What is invalid in both is left to RE2.
 */
export function translatePython(expression: string): TranslatedExpression {
  return new Translator(expression).translate();
}

/** Escapes with the same meaning in Python and RE2, outside of a class. */
const SHARED_ESCAPES = 'AbBdDwWsSfnrtv';

/** Of these, the ones that match Unicode characters in Python. */
const UNICODE_ESCAPES = 'bBdDwWsS';

/** What follows `(?` in groups that RE2 or Python does not have. */
const UNSUPPORTED_GROUPS: readonly (readonly [start: string, problem: string])[] = [
  ['=', 'lookaheads (?=...) are not supported'],
  ['!', 'lookaheads (?!...) are not supported'],
  ['<=', 'lookbehinds (?<=...) are not supported'],
  ['<!', 'lookbehinds (?<!...) are not supported'],
  ['>', 'atomic groups (?>...) are not supported'],
  ['(', 'conditions (?(...)...) are not supported'],
  ['P=', 'backreferences (?P=...) are not supported'],
  ['<', 'named groups are written (?P<name>...) in Python'],
];

class Translator {
  readonly #characters: readonly string[];
  #position = 0;
  #source = '';
  #isForAscii = false;
  /** Whether whitespace and comments are skipped (`x`), in each open group. */
  readonly #verbose: boolean[] = [false];

  constructor(expression: string) {
    this.#characters = [...expression];
  }

  translate(): TranslatedExpression {
    const flags = this.#globalFlags();
    if (flags.includes('x')) this.#verbose[0] = true;
    while (this.#position < this.#characters.length) this.#next();
    if (this.#verbose.length > 1) throw new PythonSyntaxError('unclosed parenthesis');
    const kept = flags.replace(/[^ims]/g, '');
    const source = kept === '' ? this.#source : `(?${[...new Set(kept)].join('')}:${this.#source})`;
    return { source, isForAscii: this.#isForAscii };
  }

  /** Reads the flags at the start, such as `(?i)`. */
  #globalFlags(): string {
    const [start = '', flags = ''] = /^((?:\(\?[aimsux]+\))+)/.exec(this.#ahead(200)) ?? [];
    this.#position += start.length;
    if (/i/.test(flags)) this.#isForAscii = true;
    return flags.replace(/[()?]/g, '');
  }

  #next(): void {
    const character = this.#take();
    if (this.#verbose.at(-1) && /[ \t\n\r\f\v]/.test(character)) return;
    if (this.#verbose.at(-1) && character === '#') {
      while (this.#position < this.#characters.length && this.#take() !== '\n');
      return;
    }
    if (character === '\\') this.#source += this.#escape();
    else if (character === '[') this.#source += this.#class();
    else if (character === '(') this.#openGroup();
    else if (character === ')') this.#closeGroup();
    else if (character === '{') this.#braces();
    else if ('*+?'.includes(character)) this.#quantifier(character);
    else if ('^.|$'.includes(character)) this.#source += character;
    else this.#source += literal(character);
  }

  #escape(): string {
    const { codePoint, letter } = this.#escaped();
    if (codePoint !== undefined) return literal(String.fromCodePoint(codePoint));
    if (letter === 'Z' || letter === 'z') return '\\z';
    if (!SHARED_ESCAPES.includes(letter)) throw new PythonSyntaxError(`unknown escape \\${letter}`);
    if (UNICODE_ESCAPES.includes(letter)) this.#isForAscii = true;
    return `\\${letter}`;
  }

  /** What follows a backslash: a character, or a letter with a meaning. */
  #escaped(): { codePoint?: number; letter: string } {
    const letter = this.#take('ends with a backslash');
    const hexadecimal = { x: 2, u: 4, U: 8 }[letter];
    if (hexadecimal !== undefined) {
      const digits = this.#ahead(hexadecimal);
      const codePoint = Number.parseInt(digits, 16);
      if (!/^[0-9a-f]+$/i.test(digits) || digits.length < hexadecimal || codePoint > 0x10ffff)
        throw new PythonSyntaxError(`incomplete escape \\${letter}${digits}`);
      this.#position += hexadecimal;
      return { codePoint, letter };
    }
    if (/[0-9]/.test(letter)) return { codePoint: this.#octal(letter), letter };
    if (letter === 'a') return { codePoint: 7, letter };
    if (letter === 'N') throw new PythonSyntaxError('named characters \\N{...} are not supported');
    return /[A-Za-z]/.test(letter) ? { letter } : { codePoint: letter.codePointAt(0)!, letter };
  }

  /** `\0`, `\012` or `\101` are characters, `\1` is a backreference. */
  #octal(first: string): number {
    const pattern = first === '0' ? /^0[0-7]{0,2}/ : /^[0-3][0-7]{2}/;
    const [digits] = pattern.exec(first + this.#ahead(2)) ?? [];
    if (digits === undefined) throw new PythonSyntaxError(`backreferences \\${first} are not supported`);
    this.#position += digits.length - 1;
    return Number.parseInt(digits, 8);
  }

  #class(): string {
    const negation = this.#ahead(1) === '^' ? this.#take() : '';
    let items = '';
    for (let count = 0; this.#ahead(1) !== ']' || count === 0; count++) {
      const first = this.#classItem();
      const isRange = this.#ahead(1) === '-' && this.#ahead(2).length === 2 && this.#ahead(2) !== '-]';
      if (!isRange) items += first;
      else {
        this.#position++;
        items += `${first}-${this.#classItem()}`;
      }
    }
    this.#position++;
    return `[${negation}${items}]`;
  }

  #classItem(): string {
    const character = this.#take('unclosed character class');
    if (character !== '\\') return codePointLiteral(character.codePointAt(0)!);
    const { codePoint, letter } = this.#escaped();
    if (codePoint !== undefined) return codePointLiteral(codePoint);
    if (letter === 'b') return codePointLiteral(8);
    if ('fnrtv'.includes(letter)) return `\\${letter}`;
    if (!'dDwWsS'.includes(letter)) throw new PythonSyntaxError(`unknown escape \\${letter} in a class`);
    this.#isForAscii = true;
    return `\\${letter}`;
  }

  #openGroup(): void {
    const text = this.#ahead(1000);
    const [named] = /^\?P<[\p{L}_][\p{L}\p{N}_]*>/u.exec(text) ?? [];
    if (text.startsWith('?#')) this.#comment();
    else if (named !== undefined) this.#group('(?:', [...named].length, this.#verbose.at(-1)!);
    else if (text.startsWith('?')) this.#openFlags(text.slice(1));
    else this.#group('(?:', 0, this.#verbose.at(-1)!);
  }

  /** Opens a group with flags or without a capture: `(?i:`, `(?:`. */
  #openFlags(text: string): void {
    const verbose = this.#verbose.at(-1)!;
    const problem = UNSUPPORTED_GROUPS.find(([start]) => text.startsWith(start))?.[1];
    if (problem !== undefined) throw new PythonSyntaxError(problem);
    const [start, on = '', off = '', end] = /^([aimsux]*)(?:-([imsx]+))?([:)])/.exec(text) ?? [];
    if (start === undefined) throw new PythonSyntaxError(`unknown group (?${text.slice(0, 3)}`);
    if (end === ')')
      throw new PythonSyntaxError(
        `flags ${start === '' ? '' : `(?${start}`} are not at the start; write (?${on}:...)`,
      );
    if (/i/.test(on)) this.#isForAscii = true;
    const [kept, dropped] = [on, off].map((letters) => letters.replace(/[^ims]/g, ''));
    const opening = dropped === '' ? `(?${kept}:` : `(?${kept}-${dropped}:`;
    this.#group(opening, 1 + start.length, (verbose || on.includes('x')) && !off.includes('x'));
  }

  #group(opening: string, length: number, verbose: boolean): void {
    this.#source += opening;
    this.#position += length;
    this.#verbose.push(verbose);
  }

  #comment(): void {
    while (this.#take('unclosed comment') !== ')');
  }

  #closeGroup(): void {
    if (this.#verbose.length === 1) throw new PythonSyntaxError('unbalanced parenthesis');
    this.#verbose.pop();
    this.#source += ')';
  }

  /** `{2}`, `{2,}`, `{,3}` and `{2,3}` repeat, other braces are characters. */
  #braces(): void {
    const [text, least = '', comma = '', most = ''] = /^(\d*)(?:(,)(\d*))?\}/.exec(this.#ahead(50)) ?? [];
    if (text === undefined || text === '}') {
      this.#source += literal('{');
      return;
    }
    this.#position += text.length;
    this.#quantifier(`{${least || '0'}${comma}${most}}`);
  }

  #quantifier(text: string): void {
    const following = this.#ahead(1);
    if (following === '+') throw new PythonSyntaxError('possessive quantifiers are not supported');
    // Laziness does not change whether a whole name matches.
    if (following === '?') this.#position++;
    if (/^[*+?{]/.test(this.#ahead(1)) && isQuantifier(this.#ahead(50)))
      throw new PythonSyntaxError('several quantifiers in a row');
    this.#source += text;
  }

  #take(problem = ''): string {
    const character = this.#characters[this.#position];
    if (character === undefined) throw new PythonSyntaxError(problem);
    this.#position++;
    return character;
  }

  /** The next characters, without taking them. */
  #ahead(length: number): string {
    return this.#characters.slice(this.#position, this.#position + length).join('');
  }
}

function isQuantifier(text: string): boolean {
  return /^(?:[*+?]|\{(?:\d+|\d*,\d*)\})/.test(text);
}

/** A literal character, outside of a class. */
function literal(character: string): string {
  return /[\\.+*?()|[\]{}^$]/.test(character) ? `\\${character}` : character;
}

/** A literal character, in a class. */
function codePointLiteral(codePoint: number): string {
  return `\\x{${codePoint.toString(16)}}`;
}
