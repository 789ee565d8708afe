import { UsageError } from '../errors.ts';
import type { LayerPattern } from './config.ts';

/** Whether a layer's dotted path is meant by `pattern`, by PEFT's rules ('all' and undefined are the caller's). */
export function matchesPattern(path: string, pattern: LayerPattern): boolean {
  if (typeof pattern === 'string') return wholeMatch(pattern).test(path);
  if (pattern instanceof RegExp)
    return wholeMatch(pattern.source, pattern.flags.replace(/[gy]/g, '')).test(path);
  return pattern.some((entry) => isSuffix(path, entry));
}

/** Whether a name means a dotted path: all of it, or its end. */
export function isSuffix(path: string, name: string): boolean {
  return path === name || path.endsWith(`.${name}`);
}

/** Whether a key of `rankPattern` or `alphaPattern` fits: a dotted suffix, or a regular expression for one. */
export function fitsPattern(path: string, pattern: string): boolean {
  return wholeMatch(`(.*\\.)?(${pattern})`).test(path);
}

/** The value of the first pattern that fits the path. */
export function patternValue(path: string, patterns: Readonly<Record<string, number>>): number | undefined {
  for (const [pattern, value] of Object.entries(patterns)) {
    if (fitsPattern(path, pattern)) return value;
  }
  return undefined;
}

function wholeMatch(source: string, flags?: string): RegExp {
  try {
    return new RegExp(`^(?:${source})$`, flags);
  } catch (error) {
    throw new UsageError(
      'invalid-argument',
      `'${source}' is not a regular expression: ${(error as Error).message}`,
    );
  }
}
