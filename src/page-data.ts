/**
 * The files that the page of `play` loads: what the server or the export writes and the page reads. Runs in Node and in
 * browsers.
 */

/** Paths below the page. */
export const PAGE_FILES = {
  /** JSON of `PageData`. */
  data: 'data/page.json',
  /** The values of all weights in the order of `PageData.weights`: float32 through `shuffleBytes`, then gzip. */
  weights: 'data/base.bin',
  /** The images of `PageData.images`: `packImages`, then one label per image, gzip. */
  images: 'data/images.bin',
  adapterConfig: 'data/adapter_config.json',
  adapterWeights: 'data/adapter_model.safetensors',
} as const;

/** A base, its adapter and images, for the page. */
export interface PageData {
  readonly format: 'tfjs-lora page';
  /** Version of this package. */
  readonly version: string;
  /** Name of the run. */
  readonly run: string;
  readonly classNames: readonly string[];
  /** Of the images that the model takes, in pixels. */
  readonly size: { readonly height: number; readonly width: number };
  readonly normalization: { readonly mean: number; readonly std: number };
  /** Content hash of the base. */
  readonly baseHash: string;
  /** `modelTopology` of tfjs. */
  readonly topology: object;
  readonly weights: readonly { readonly name: string; readonly shape: number[]; readonly dtype: 'float32' }[];
  /** Numbers of test images and, after them, of training images. */
  readonly images: { readonly test: number; readonly train: number };
  /** Strength of the run's adapter, 0 to 1; absent if the run has none. */
  readonly adapterStrength?: number;
}

/**
 * Puts the first bytes of all float32 values first, then the second bytes, and so on. gzip makes this a tenth smaller,
 * because the bytes with the exponents are alike.
 */
export function shuffleBytes(bytes: Uint8Array): Uint8Array {
  const values = bytes.length / 4;
  return Uint8Array.from(bytes, (_, index) => bytes[4 * (index % values) + Math.floor(index / values)]!);
}

/** Undoes `shuffleBytes`. */
export function unshuffleBytes(shuffled: Uint8Array): Uint8Array {
  const values = shuffled.length / 4;
  return Uint8Array.from(shuffled, (_, index) => shuffled[values * (index % 4) + Math.floor(index / 4)]!);
}

/**
 * Stores pixels as one bit each, whether it is above 0, followed by the values above 0. gzip makes this a tenth smaller than
 * plain pixels of digits.
 *
 */
export function packImages(pixels: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(pixels.length / 8));
  const values: number[] = [];
  pixels.forEach((value, index) => {
    if (value === 0) return;
    bits[index >> 3]! |= 1 << (index & 7);
    values.push(value);
  });
  const packed = new Uint8Array(bits.length + values.length);
  packed.set(bits);
  packed.set(values, bits.length);
  return packed;
}

/**
 * Undoes `packImages`.
 *
 * @param pixels number of pixels
 * @returns the pixels, and the bytes that follow the packed ones
 */
export function unpackImages(packed: Uint8Array, pixels: number): { pixels: Uint8Array; rest: Uint8Array } {
  const result = new Uint8Array(pixels);
  let next = Math.ceil(pixels / 8);
  for (let index = 0; index < pixels; index++) {
    if (packed[index >> 3]! & (1 << (index & 7))) result[index] = packed[next++]!;
  }
  return { pixels: result, rest: packed.subarray(next) };
}
