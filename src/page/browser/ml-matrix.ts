/** What the page uses in place of `ml-matrix`: initializations of adapters that need it are not offered. */
class Unavailable {
  constructor() {
    throw new Error('this kind of adapter is not available in the page');
  }
}

export { Unavailable as EigenvalueDecomposition, Unavailable as Matrix };
