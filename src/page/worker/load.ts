import * as tf from '@tensorflow/tfjs';
import type { ImageDataset } from '../../data/index.ts';
import { PAGE_FILES, type PageData, unpackImages, unshuffleBytes } from '../../page-data.ts';

/** What the page works with. */
export interface LoadedPage {
  readonly data: PageData;
  readonly base: tf.LayersModel;
  readonly test: ImageDataset;
  readonly train: ImageDataset;
}

/** @param url of the page's folder, with a slash at its end */
export async function loadPage(url: string): Promise<LoadedPage> {
  const [data, weights, images] = await Promise.all([
    fetchFile(url, PAGE_FILES.data).then((response) => response.json() as Promise<PageData>),
    fetchFile(url, PAGE_FILES.weights).then(unzipped),
    fetchFile(url, PAGE_FILES.images).then(unzipped),
  ]);
  const base = await tf.loadLayersModel(
    tf.io.fromMemory({
      modelTopology: data.topology,
      weightSpecs: data.weights as never,
      weightData: unshuffleBytes(weights).buffer as ArrayBuffer,
    }),
  );
  return { data, base, ...splitImages(data, images) };
}

async function fetchFile(url: string, path: string): Promise<Response> {
  const response = await fetch(new URL(path, url));
  if (!response.ok)
    throw new Error(`${path} could not be loaded (status ${response.status}); reload the page`);
  return response;
}

async function unzipped(response: Response): Promise<Uint8Array> {
  const stream = response.body!.pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function splitImages(data: PageData, bytes: Uint8Array): { test: ImageDataset; train: ImageDataset } {
  const { size, classNames } = data;
  const pixels = size.height * size.width;
  const { test, train } = data.images;
  const { pixels: images, rest: labels } = unpackImages(bytes, (test + train) * pixels);
  const part = (first: number, count: number): ImageDataset => ({
    ...size,
    count,
    classes: classNames.length,
    images: images.subarray(first * pixels, (first + count) * pixels),
    labels: labels.subarray(first, first + count),
  });
  return { test: part(0, test), train: part(test, train) };
}
