import { createRequire } from 'node:module';

/** Functions of `node:util` that tfjs-node calls: newer versions of Node lack them, others warn of their use. */
const outdated = {
  isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  isArray: Array.isArray,
};

/** Gives `node:util` what tfjs-node needs of it; to be called before that package loads. */
export function restoreNodeUtil(): void {
  Object.assign(createRequire(import.meta.url)('node:util'), outdated);
}
