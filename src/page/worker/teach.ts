import { type ImageDataset, replaySampler } from '../../data/index.ts';
import { classificationTask, EagerEngine, train } from '../../training/index.ts';
import type { Lesson, LessonResult } from '../protocol.ts';
import type { Student } from './student.ts';

/** Images per step. */
export const BATCH_SIZE = 32;
const LEARNING_RATE = 3e-3;
/** Fraction of training images in a batch. */
const REPLAY_FRACTION = 0.5;
/** Steps between two chances for a drawing to be read. */
const STEPS_PER_CALL = 4;

/** Options of `teach`. */
export interface TeachOptions {
  readonly signal: AbortSignal;
  readonly seed: number;
  readonly onProgress: (progress: { step: number; steps: number; losses: readonly number[] }) => void;
}

/**
 * Trains the adapter on samples. If that fails or is cancelled, the adapter is as it was before.
 *
 * @throws TrainingError if the loss is not finite
 */
export async function teach(student: Student, lesson: Lesson, options: TeachOptions): Promise<LessonResult> {
  const before = (await student.facts())?.files;
  try {
    const elapsedMs = await trainAdapter(student, lesson, options);
    student.endLesson();
    if (options.signal.aborted) await student.setAdapter(before);
    const status = options.signal.aborted ? 'stopped' : 'finished';
    return { status, elapsedMs, adapter: await student.facts() };
  } catch (error) {
    student.endLesson();
    await student.setAdapter(before);
    throw error;
  }
}

async function trainAdapter(student: Student, lesson: Lesson, options: TeachOptions): Promise<number> {
  const { signal, seed, onProgress } = options;
  const { normalization } = student.page.data;
  const dataset = lessonImages(lesson, student.page.train);
  const { samples, steps, replay } = lesson;
  const batchSize = Math.min(BATCH_SIZE, dataset.count);
  const task = classificationTask({
    model: student.prepareLesson(lesson.rank, seed),
    dataset,
    normalization,
    batchSize,
    optimizer: {
      rule: { kind: 'adam' },
      learningRate: LEARNING_RATE,
      schedule: { kind: 'cosine', totalSteps: steps },
    },
    seed,
  });
  const range = (first: number, count: number) => Int32Array.from({ length: count }, (_, row) => first + row);
  const sampler = replaySampler({
    rows: range(0, samples.length),
    replayRows: range(samples.length, dataset.count - samples.length),
    fraction: replay && student.page.train.count > 0 ? REPLAY_FRACTION : 0,
    batchSize,
    seed,
  });
  const engine = new EagerEngine(task);
  try {
    const training = train({ task, engine, sampler, steps, stepsPerCall: STEPS_PER_CALL, signal });
    for (;;) {
      const { done, value } = await training.next();
      if (done) return value.elapsedMs;
      onProgress({ step: value.step, steps, losses: [...value.losses] });
    }
  } finally {
    engine.dispose();
  }
}

/** The samples, followed by the training images. */
function lessonImages({ samples, replay }: Lesson, train: ImageDataset): ImageDataset {
  const replayed = replay ? train.count : 0;
  const pixels = train.height * train.width;
  const count = samples.length + replayed;
  const images = new Uint8Array(count * pixels);
  const labels = new Uint8Array(count);
  for (const [row, sample] of samples.entries()) {
    images.set(sample.pixels, row * pixels);
    labels[row] = sample.label;
  }
  if (replay) {
    images.set(train.images, samples.length * pixels);
    labels.set(train.labels, samples.length);
  }
  return { ...train, images, labels, count };
}
