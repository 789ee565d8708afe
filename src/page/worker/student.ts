import * as tf from '@tensorflow/tfjs';
import type { ImageDataset } from '../../data/index.ts';
import { injectLora, loraSummary, setAdapterStrength } from '../../lora/index.ts';
import { imageShape, normalize, takeValues } from '../../models/index.ts';
import type { PeftFiles } from '../../peft/index.ts';
import type { Accuracy, AdapterFacts, Reading } from '../protocol.ts';
import type { LoadedPage } from './load.ts';

/** The base and its adapter. */
export class Student {
  readonly page: LoadedPage;
  /** The base with the adapter; undefined without one. */
  #adapted: tf.LayersModel | undefined;
  #strength = 1;
  #isLearning = false;

  constructor(page: LoadedPage) {
    this.page = page;
  }

  /** Reads one image, 0..255 [height, width]. */
  read(pixels: Uint8Array): Reading {
    const off = [...this.#logits(this.page.base, pixels)];
    const on = this.#adapted ? [...this.#logits(this.#adapted, pixels)] : off;
    return { pixels, off, on };
  }

  /** Counts correct answers on a data set. */
  evaluate(dataset: ImageDataset): Accuracy {
    const totals = new Array<number>(dataset.classes).fill(0);
    for (const label of dataset.labels) totals[label]! += 1;
    const correct = (model: tf.LayersModel) => {
      const counts = new Array<number>(dataset.classes).fill(0);
      const logits = this.#logits(model, dataset.images);
      dataset.labels.forEach((label, row) => {
        const values = logits.subarray(row * dataset.classes, (row + 1) * dataset.classes);
        if (values.indexOf(Math.max(...values)) === label) counts[label]! += 1;
      });
      return counts;
    };
    const off = correct(this.page.base);
    return { totals, off, on: this.#adapted ? correct(this.#adapted) : off };
  }

  setStrength(strength: number): void {
    this.#strength = strength;
    if (this.#adapted && !this.#isLearning) setAdapterStrength(this.#adapted, strength);
  }

  /** Replaces the adapter. If the new one does not fit, the old one stays. */
  async setAdapter(files: PeftFiles | undefined): Promise<void> {
    const { base, data } = this.page;
    if (!files) return this.#replace(undefined);
    const { loadPeftFiles } = await import('./adapter-files.ts');
    this.#replace(loadPeftFiles(base, files, { baseHash: data.baseHash }));
  }

  /** Returns the model to train, with its adapter at strength 1. An adapter of another rank is replaced with a new one. */
  prepareLesson(rank: number, seed: number): tf.LayersModel {
    if (!this.#adapted || rankOf(this.#adapted) !== rank) {
      this.#replace(injectLora(this.page.base, { rank, alpha: 2 * rank, seed }));
    }
    this.#isLearning = true;
    setAdapterStrength(this.#adapted!, 1);
    return this.#adapted!;
  }

  /** Restores the strength after a lesson. */
  endLesson(): void {
    this.#isLearning = false;
    this.setStrength(this.#strength);
  }

  async facts(): Promise<AdapterFacts | undefined> {
    if (!this.#adapted) return undefined;
    const { peftFiles } = await import('./adapter-files.ts');
    return {
      rank: rankOf(this.#adapted),
      parameters: loraSummary(this.#adapted).trainableParameters,
      files: peftFiles(this.#adapted, { baseHash: this.page.data.baseHash }),
    };
  }

  #replace(model: tf.LayersModel | undefined): void {
    this.#adapted?.dispose();
    this.#adapted = model;
    if (model) setAdapterStrength(model, this.#strength);
  }

  /** @returns [count, classes] */
  #logits(model: tf.LayersModel, pixels: Uint8Array): Float32Array {
    const { size, normalization } = this.page.data;
    const shape = imageShape(model, size);
    const count = pixels.length / (size.height * size.width);
    return takeValues(
      tf.tidy(() => {
        const images = tf.tensor(new Float32Array(pixels), [count, ...shape]);
        return model.apply(normalize(images, normalization), { training: false }) as tf.Tensor;
      }),
    );
  }
}

/** The rank of the first layer with a low-rank update. */
function rankOf(model: tf.LayersModel): number {
  return loraSummary(model).layers.find(({ rank }) => rank > 0)?.rank ?? 0;
}
