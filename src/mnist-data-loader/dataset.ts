/** Labelled images, one byte a pixel, kept flat: what the IDX files hold, checked. */
export interface ImageDataset {
  /** Pixels 0..255, row-major [count, height, width]. */
  readonly images: Uint8Array;
  /** Class of each image, 0 .. classes - 1. */
  readonly labels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly classes: number;
}
