import { readFile } from 'node:fs/promises';
import { CheckpointError } from '../errors.ts';
import { withFileErrors, writeFileAtomic } from '../files/index.ts';

/** Lines in a string; one of all would be longer than a string can be from some 14 million steps on. */
const PIECE = 100_000;

/** Writes the loss of each step as `metrics.jsonl`, a line each: `{"step":1,"loss":2.31}`. */
export async function writeMetrics(path: string, losses: Float32Array): Promise<void> {
  await withFileErrors(CheckpointError, path, 'written', () => writeFileAtomic(path, linesOf(losses)));
}

function* linesOf(losses: Float32Array): Iterable<string> {
  for (let first = 0; first < losses.length; first += PIECE) {
    let text = '';
    for (let step = first; step < Math.min(first + PIECE, losses.length); step++) {
      text += `{"step":${step + 1},"loss":${Number(losses[step]!.toPrecision(9))}}\n`;
    }
    yield text;
  }
}

/** Reads `metrics.jsonl` back: the losses in the order of the steps. */
export async function readMetrics(path: string): Promise<Float32Array> {
  const bytes = await withFileErrors(CheckpointError, path, 'read', () => readFile(path));
  const losses: number[] = [];
  for (let start = 0; start < bytes.length; ) {
    const found = bytes.indexOf('\n', start);
    const end = found < 0 ? bytes.length : found;
    if (end > start) losses.push(lossOf(bytes.toString('utf8', start, end), losses.length + 1, path));
    start = end + 1;
  }
  return Float32Array.from(losses);
}

function lossOf(line: string, number: number, path: string): number {
  try {
    return (JSON.parse(line) as { loss: number }).loss;
  } catch {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: line ${number} is not JSON; the file is damaged`,
    );
  }
}
