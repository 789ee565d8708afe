/** Allows nothing from other origins, no inline code and no `eval`; WebAssembly may be compiled. */
const DIRECTIVES = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
];

/**
 * The Content-Security-Policy of the page.
 *
 * @param place `document`: without what only a header may contain
 */
export function contentSecurityPolicy(place: 'header' | 'document'): string {
  return [...DIRECTIVES, ...(place === 'header' ? ["frame-ancestors 'none'"] : [])].join('; ');
}
