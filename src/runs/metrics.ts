import { readFile } from 'node:fs/promises';
import { CheckpointError } from '../errors.ts';
import { withFileErrors, writeFileAtomic } from '../files/index.ts';

/** Lines per string: the lines of more than some 14 million steps would exceed the longest string of V8. */
const LINES_PER_STRING = 100_000;

/** Writes the loss of each step as `metrics.jsonl`, one line per step: `{"step":1,"loss":2.31}`. */
export async function writeMetrics(path: string, losses: Float32Array): Promise<void> {
  await withFileErrors(CheckpointError, path, 'written', () => writeFileAtomic(path, linesOf(losses)));
}

function* linesOf(losses: Float32Array): Iterable<string> {
  for (let first = 0; first < losses.length; first += LINES_PER_STRING) {
    const end = Math.min(first + LINES_PER_STRING, losses.length);
    let text = '';
    for (let step = first; step < end; step++) {
      // Nine digits identify every float32 value.
      text += `{"step":${step + 1},"loss":${Number(losses[step]!.toPrecision(9))}}\n`;
    }
    yield text;
  }
}

/**
 * Reads `metrics.jsonl`.
 *
 * @returns the loss of each step [steps]
 * @throws CheckpointError if the file cannot be read, or with the number of a damaged line
 */
export async function readMetrics(path: string): Promise<Float32Array> {
  const bytes = await withFileErrors(CheckpointError, path, 'read', () => readFile(path));
  const losses: number[] = [];
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf('\n', start);
    const end = newline < 0 ? bytes.length : newline;
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
      `${path}: line ${number} is not valid JSON; the file is damaged`,
    );
  }
}
