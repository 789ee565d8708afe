import type * as library from 're2js';

/**
 * What the page uses in place of `re2js`, until an adapter is loaded: only the configuration of an adapter can contain regular
 * expressions, and the library is large.
 */
export let RE2JS: typeof library.RE2JS;
export let RE2JSException: typeof library.RE2JSException;

/** Sets the library. */
export function provideExpressions(loaded: typeof library): void {
  RE2JS = loaded.RE2JS;
  RE2JSException = loaded.RE2JSException;
}
