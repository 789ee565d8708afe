import Module, { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** The part of Node's module loader that finds the file of a package. */
interface Resolver {
  _resolveFilename(request: string, ...rest: unknown[]): string;
}

/**
 * Loads a CommonJS package of TensorFlow.js such that it uses the `@tensorflow/tfjs` and `@tensorflow/tfjs-core` of this
 * library. Otherwise an installation without one shared folder of packages fails: npm's global ones give a package
 * copies of its own, which register every kernel twice and print a line for each, and tfjs-node does not name tfjs-core
 * among its dependencies.
 *
 * @param name of the package, or the path of a file
 */
export function requireWithTfjs(name: string): unknown {
  const tfjs = require.resolve('@tensorflow/tfjs');
  const ours = new Map([
    ['@tensorflow/tfjs', tfjs],
    ['@tensorflow/tfjs-core', createRequire(tfjs).resolve('@tensorflow/tfjs-core')],
  ]);
  const resolver = Module as unknown as Resolver;
  const resolveFilename = resolver._resolveFilename;
  resolver._resolveFilename = (request, ...rest) =>
    ours.get(request) ?? resolveFilename.call(resolver, request, ...rest);
  try {
    return require(name);
  } finally {
    resolver._resolveFilename = resolveFilename;
  }
}
