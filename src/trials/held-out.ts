import { dataHash, selectRows, splitRows } from '../data/index.ts';
import type { Mnist } from '../mnist-data-loader/index.ts';

/**
 * Replaces the test set by images held out of the training set, so that trials are compared without looking at the test
 * set. The split depends on `fraction` alone: all trials of all sweeps hold out the same images.
 *
 * @param fraction fraction of each class that is held out, between 0 and 1
 */
export function holdOut(mnist: Mnist, fraction: number): Mnist {
  const { train, validation } = splitRows(mnist.train, { fraction, seed: 0 });
  return {
    ...mnist,
    train: selectRows(mnist.train, train),
    test: selectRows(mnist.train, validation),
    testName: `${(100 * fraction).toFixed(0)} % of the training set, held out`,
  };
}

/** Hashes of the images that a trial trains on and is evaluated on. */
export function dataOf({ train, test }: Mnist): { readonly train: string; readonly heldOut: string } {
  return { train: dataHash(train), heldOut: dataHash(test) };
}
