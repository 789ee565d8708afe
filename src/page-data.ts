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
 * Rotates each float32 to the left by one bit, which puts its exponent into one byte, and stores the first bytes of all
 * values, then their second bytes, and so on. gzip makes this 15 % smaller, because the exponents are alike.
 *
 * @param bytes float32 values, little-endian
 */
export function shuffleBytes(bytes: Uint8Array): Uint8Array {
  const count = bytes.length / 4;
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shuffled = new Uint8Array(bytes.length);
  for (let index = 0; index < count; index++) {
    const value = source.getUint32(4 * index, true);
    const rotated = (value << 1) | (value >>> 31);
    for (let byte = 0; byte < 4; byte++) shuffled[byte * count + index] = rotated >>> (8 * byte);
  }
  return shuffled;
}

/** Undoes `shuffleBytes`. */
export function unshuffleBytes(shuffled: Uint8Array): Uint8Array {
  const count = shuffled.length / 4;
  const bytes = new Uint8Array(shuffled.length);
  const target = new DataView(bytes.buffer);
  for (let index = 0; index < count; index++) {
    let rotated = 0;
    for (let byte = 0; byte < 4; byte++) rotated |= shuffled[byte * count + index]! << (8 * byte);
    target.setUint32(4 * index, (rotated >>> 1) | (rotated << 31), true);
  }
  return bytes;
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
