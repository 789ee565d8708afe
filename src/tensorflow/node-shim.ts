import { createRequire } from 'node:module';

/** Functions of `node:util` that tfjs-node calls and that newer versions of Node no longer have. */
const removed = {
  isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  isArray: Array.isArray,
};

/** Puts back what tfjs-node needs of `node:util`; to be called before that package loads. */
export function restoreNodeUtil(): void {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>;
  for (const [name, implementation] of Object.entries(removed)) util[name] ??= implementation;
}
