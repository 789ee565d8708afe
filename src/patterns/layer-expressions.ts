import { RE2JS, RE2JSException } from 're2js';
import { UsageError } from '../errors.ts';
import { quote } from '../quote.ts';
import { PythonSyntaxError, translatePython } from './python-syntax.ts';

/** Characters that an expression can have. */
const MAX_LENGTH = 100_000;

/** Steps that matching may take: instructions of all expressions times characters of all paths. About 5 seconds. */
const MAX_STEPS = 4e8;

/** What is the same for ASCII and Unicode. */
const PRINTABLE_ASCII = /^[ -~]*$/;

/** Whether an expression matches a path. */
type Matcher = (path: string) => boolean;

/**
 * Matches the paths of a model's layers with regular expressions in the syntax of Python's `re`, as PEFT does. The time
 * is linear in the length of a path, so that expressions from files cannot block the process.
 *
 * @example
 * const expressions = new LayerExpressions(['encoder.query', 'encoder.key']);
 * expressions.matchesWhole('.*query', 'encoder.query'); // true
 * expressions.matchesEnd('query', 'encoder.query'); // true
 */
export class LayerExpressions {
  readonly #characters: number;
  readonly #matchers = new Map<string, Matcher>();
  #steps = 0;

  /** @param paths that will be matched */
  constructor(paths: readonly string[]) {
    this.#characters = paths.reduce((sum, path) => sum + path.length + 1, 0);
  }

  /**
   * Whether an expression matches a whole path: `re.fullmatch(expression, path)`.
   *
   * @throws UsageError if the expression is invalid, not supported, or too complex
   */
  matchesWhole(expression: string, path: string): boolean {
    const names = literalNames(expression);
    if (names) return names.has(path);
    return this.#matcher(expression, expression, '\\z')(path);
  }

  /**
   * Whether an expression matches a path, or the end of it after a dot, as a key of `rank_pattern` does:
   * `re.match(rf"(.*\.)?({expression})$", path)`.
   *
   * @throws UsageError if the expression is invalid, not supported, or too complex
   */
  matchesEnd(expression: string, path: string): boolean {
    const name = literalName(expression);
    if (name !== undefined) return path === name || path.endsWith(`.${name}`);
    if (expression.startsWith('^') && literalName(expression.slice(1)) !== undefined)
      return path === literalName(expression.slice(1));
    return this.#matcher(expression, `(.*\\.)?(${expression})\\Z`, '')(path);
  }

  /**
   * Whether an expression matches a part of a path between dots, as PEFT compares `modules_to_save` with the layers that
   * get no update: `re.match(rf"(^|.*\.){expression}($|\..*)", path)`.
   *
   * @throws UsageError if the expression is invalid, not supported, or too complex
   */
  matchesPart(expression: string, path: string): boolean {
    const name = literalName(expression);
    if (name !== undefined) return `.${path}.`.includes(`.${name}.`);
    return this.#matcher(expression, `(^|.*\\.)${expression}(\\Z|\\..*)`, '')(path);
  }

  /** The compiled expression; `whole` is what Python compiles. */
  #matcher(expression: string, whole: string, end: string): Matcher {
    const known = this.#matchers.get(whole);
    if (known) return known;
    const invalid = (reason: string, cause?: unknown) =>
      new UsageError('invalid-argument', `regular expression ${quote(expression)}: ${reason}`, { cause });
    if (expression.length > MAX_LENGTH) throw invalid(`longer than ${MAX_LENGTH} characters`);
    const { compiled, isForAscii } = compile(whole, end, invalid);
    this.#steps += compiled.programSize() * this.#characters;
    if (this.#steps > MAX_STEPS) throw invalid('too complex for the number of layers; list their names');
    const matcher = (path: string) => {
      if (isForAscii && !PRINTABLE_ASCII.test(path))
        throw invalid(
          `\\w, \\d, \\s, \\b and (?i) are not supported for the layer ${quote(path)}, which is not ASCII`,
        );
      return compiled.test(path);
    };
    this.#matchers.set(whole, matcher);
    return matcher;
  }
}

function compile(
  whole: string,
  end: string,
  invalid: (reason: string, cause?: unknown) => UsageError,
): { compiled: RE2JS; isForAscii: boolean } {
  try {
    const { source, isForAscii } = translatePython(whole);
    return { compiled: RE2JS.compile(`\\A(?:${source})${end}`), isForAscii };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error instanceof PythonSyntaxError) throw invalid(error.message, error);
    if (error instanceof RE2JSException)
      throw invalid(error.message.replace('error parsing regexp: ', ''), error);
    throw error;
  }
}

/** The names that an expression lists, such as `a\.b|a\.c`; undefined if it has another form. */
function literalNames(expression: string): ReadonlySet<string> | undefined {
  const names = expression.split('|').map(literalName);
  return names.includes(undefined) ? undefined : new Set(names as string[]);
}

/** The only text that an expression matches; undefined if there may be others. */
function literalName(expression: string): string | undefined {
  const isLiteral =
    expression.length <= MAX_LENGTH && /^(?:[\p{L}\p{N}_/-]|\\[^\p{L}\p{N}])+$/u.test(expression);
  return isLiteral ? expression.replace(/\\(.)/gsu, '$1') : undefined;
}
