import type { PageData } from '../page-data.ts';
import type { PeftFiles } from '../peft/index.ts';

/** Backends of tfjs, in the order in which they are preferred if they are equally fast. */
export const BACKENDS = ['webgpu', 'webgl', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** Red, green, blue and alpha of each pixel [height, width, 4]. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** What the network makes of one image, without and with the adapter. Logits [classes]. */
export interface Reading {
  /** The image as the network gets it, 0..255 [height, width]. */
  readonly pixels: Uint8Array;
  readonly off: readonly number[];
  readonly on: readonly number[];
}

/** An image with its label. */
export interface Sample {
  /** 0..255 [height, width] */
  readonly pixels: Uint8Array;
  readonly label: number;
}

/** Settings of a lesson. */
export interface Lesson {
  readonly samples: readonly Sample[];
  readonly rank: number;
  /** Whether half of each batch are training images, so that the network keeps what it can do. */
  readonly replay: boolean;
  readonly steps: number;
}

/** Facts about the adapter in use. */
export interface AdapterFacts {
  readonly rank: number;
  /** Numbers that training changes. */
  readonly parameters: number;
  readonly files: PeftFiles;
}

/** Correct answers for each class, without and with the adapter, of `totals` images [classes]. */
export interface Accuracy {
  readonly totals: readonly number[];
  readonly off: readonly number[];
  readonly on: readonly number[];
}

/** How a lesson ended. */
export interface LessonResult {
  readonly status: 'finished' | 'stopped';
  readonly elapsedMs: number;
  readonly adapter: AdapterFacts | undefined;
}

/** What the worker does: name, arguments, result. */
export interface WorkerApi {
  /** Loads the base on a backend. */
  load(
    url: string,
    backend: BackendName | undefined,
  ): { readonly backend: BackendName; readonly data: PageData };
  /** Replaces the adapter; undefined removes it. */
  setAdapter(files: PeftFiles | undefined): AdapterFacts | undefined;
  setStrength(strength: number): void;
  /** Normalizes a drawing and reads it. Undefined if it is empty. */
  read(drawing: Drawing): Reading | undefined;
  /** Reads an image that is normalized already. */
  readPixels(pixels: Uint8Array): Reading;
  /** A test image, chosen at random. */
  example(): Sample;
  /** Trains the adapter. A lesson that fails or is cancelled leaves the adapter as it was before. */
  teach(lesson: Lesson): LessonResult;
  cancel(): void;
  /** Evaluates the network on the test images of the page. */
  evaluate(): Accuracy;
  /** Milliseconds per training step on each backend that works, in a worker of its own. */
  measure(): Partial<Record<BackendName, number>>;
}

type Method = keyof WorkerApi;
export type Arguments<M extends Method> = Parameters<WorkerApi[M]>;
export type Result<M extends Method> = ReturnType<WorkerApi[M]>;

/** A call from the page. */
export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

/** The worker's answer to a call, or news of a lesson. */
export type Answer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly code?: string } }
  | {
      readonly progress: {
        readonly step: number;
        readonly steps: number;
        readonly losses: readonly number[];
      };
    };
