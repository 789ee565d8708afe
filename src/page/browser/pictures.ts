import type { Drawing } from '../protocol.ts';

/** Pictures are scaled down to this many pixels on their longest side. */
const MAX_SIDE = 1024;

/** Whether a file is a picture that browsers can show. */
export function isPicture({ type }: File): boolean {
  return type.startsWith('image/');
}

/**
 * Decodes a picture.
 *
 * @throws Error if the browser cannot
 */
export async function decodePicture(file: File): Promise<Drawing> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  } catch {
    throw new Error(`${file.name} is not a picture that this browser can show`);
  }
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return drawingOf(canvas);
}

/** The pixels of a canvas. */
export function drawingOf(canvas: HTMLCanvasElement): Drawing {
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d', { willReadFrequently: true })!.getImageData(0, 0, width, height);
  return { width, height, data: new Uint8Array(data.buffer) };
}
