import { UsageError } from '../errors.ts';
import { LayerExpressions } from '../patterns/index.ts';
import { quote } from '../quote.ts';
import type { LayerPattern } from './config.ts';
import { isPart, isSuffix } from './paths.ts';

/**
 * Matches the patterns of a configuration with paths of layers and weights. A regular expression must match the whole path.
 *
 * All methods throw a UsageError for an expression that is invalid, not supported or too complex.
 */
export class PatternMatcher {
  readonly #expressions: LayerExpressions;

  /** @param paths that will be matched */
  constructor(paths: readonly string[]) {
    this.#expressions = new LayerExpressions([...new Set(paths)]);
  }

  /**
   * Whether a pattern matches one of the paths of a layer or weight. A listed name can be that of the layer or weight itself,
   * or of a model around it; 'all' matches everything.
   */
  selects(pattern: LayerPattern | undefined, paths: readonly string[]): boolean {
    if (pattern === undefined) return false;
    return pattern === 'all' || paths.some((path) => this.#matches(pattern, path, isPart));
  }

  /** Like `selects`, but a listed name must be that of the layer or weight itself. 'all' is an expression like others. */
  matchesExactly(pattern: LayerPattern | undefined, paths: readonly string[]): boolean {
    return pattern !== undefined && paths.some((path) => this.#matches(pattern, path, isSuffix));
  }

  /** Whether a key of `rankPattern` or `alphaPattern` matches one of the paths or the end of it, as PEFT's `rank_pattern`. */
  matchesKey(key: string, paths: readonly string[]): boolean {
    return paths.some((path) => this.#expressions.matchesEnd(key, path));
  }

  /** Returns the value in `rankPattern` or `alphaPattern` of the first key that matches; undefined if none does. */
  valueFor(values: Readonly<Record<string, number>>, paths: readonly string[]): number | undefined {
    return Object.entries(values).find(([key]) => this.matchesKey(key, paths))?.[1];
  }

  #matches(
    pattern: LayerPattern,
    path: string,
    matchesName: (path: string, name: string) => boolean,
  ): boolean {
    if (typeof pattern === 'string') return this.#expressions.matchesWhole(pattern, path);
    if (pattern instanceof RegExp) return matchesRegExp(path, pattern);
    return pattern.some((name) => matchesName(path, name));
  }
}

/** Whether a JavaScript expression matches the whole path. */
function matchesRegExp(path: string, { source, flags }: RegExp): boolean {
  try {
    return new RegExp(`^(?:${source})$`, flags.replace(/[gy]/g, '')).test(path);
  } catch (error) {
    // V8 compiles an expression when it is first used, and refuses large ones only then.
    if (!(error instanceof SyntaxError)) throw error;
    throw new UsageError('invalid-argument', `regular expression ${quote(source)}: ${quote(error.message)}`);
  }
}
