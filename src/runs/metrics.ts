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
  for (let start = 0, number = 1; start < bytes.length; number++) {
    const newline = bytes.indexOf('\n', start);
    const end = newline < 0 ? bytes.length : newline;
    if (end > start) {
      const loss = lossOf(bytes.toString('utf8', start, end), losses.length + 1);
      if (loss === undefined) throw damaged(path, number, losses.length + 1);
      losses.push(loss);
    }
    start = end + 1;
  }
  return Float32Array.from(losses);
}

/** The loss on a line, or undefined if it is not the line of that step. A schema library takes 10 times as long here. */
function lossOf(line: string, expectedStep: number): number | undefined {
  try {
    const { step, loss } = JSON.parse(line) as { step?: unknown; loss?: unknown };
    const isValid = step === expectedStep && typeof loss === 'number' && Number.isFinite(Math.fround(loss));
    return isValid ? loss : undefined;
  } catch {
    return undefined;
  }
}

function damaged(path: string, line: number, step: number): CheckpointError {
  return new CheckpointError(
    'invalid-checkpoint',
    `${path}: line ${line} is not the loss of step ${step}; the file is damaged`,
  );
}
