import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageDataset } from '../data/index.ts';
import { DataError } from '../errors.ts';
import { ensureDir, withFileErrors, writeFileAtomic } from '../files/index.ts';
import { type Evaluation, type Mistake, worstMistakes } from '../metrics/index.ts';
import {
  type Canvas,
  type Color,
  createCanvas,
  encodePng,
  fitText,
  LINE_HEIGHT,
  textWidth,
} from '../pictures/index.ts';

/** A contact sheet that was written. */
export interface MistakeSheet {
  readonly label: number;
  readonly path: string;
  /** How many images of the class are wrong; a sheet shows the most confident `MAX_SHOWN`. */
  readonly mistakes: number;
}

/** Images on one sheet. */
const MAX_SHOWN = 100;

const COLUMNS = 10;
const GAP = 12;
const CELL_WIDTH = 112;
const TEXT_SCALE = 2;
const LINE = LINE_HEIGHT * TEXT_SCALE;
const CAPTION_LINES = 3;
const PAPER: Color = [255, 255, 255];
const BLACK: Color = [20, 20, 20];
const GREY: Color = [110, 110, 110];
const RED: Color = [190, 20, 20];

/**
 * Writes a contact sheet `truth-<class>.png` for every class with mistakes: each image with its truth, the
 * guess, the guess's probability and its row in the set, the most confident mistake first. A sheet left from
 * before is removed where a class has no mistakes. Sheets appear when all are written: a full disk leaves the folder
 * as it was, or not there.
 *
 * @param directory made when it is not there
 * @throws DataError when the folder cannot be written to
 */
export async function writeMistakeSheets(
  evaluation: Evaluation,
  dataset: Pick<ImageDataset, 'images' | 'height' | 'width' | 'count'>,
  directory: string,
): Promise<MistakeSheet[]> {
  if (evaluation.count !== dataset.count) {
    throw new RangeError(`${evaluation.count} predictions do not fit ${dataset.count} images`);
  }
  return await withFileErrors(DataError, directory, 'written', () =>
    drawInto(directory, evaluation, dataset),
  );
}

async function drawInto(
  directory: string,
  evaluation: Evaluation,
  dataset: Pick<ImageDataset, 'images' | 'height' | 'width'>,
): Promise<MistakeSheet[]> {
  const { classNames, labels } = evaluation;
  const names = classNames.map((_, label) => sheetName(label, classNames));
  const all = worstMistakes(evaluation, evaluation.count);
  let made: string | undefined;
  try {
    made = await ensureDir(directory);
    const staging = await mkdtemp(join(directory, '.partial-'));
    made ??= staging;
    const sheets: MistakeSheet[] = [];
    for (const [label, name] of names.entries()) {
      const mistakes = all.filter(({ index }) => labels[index] === label);
      if (mistakes.length === 0) continue;
      const total = labels.reduce((count, truth) => count + (truth === label ? 1 : 0), 0);
      const sheet = drawSheet(mistakes, total, dataset);
      await writeFileAtomic(join(staging, name), encodePng(sheet));
      sheets.push({ label, path: join(directory, name), mistakes: mistakes.length });
    }
    const fresh = await readdir(staging);
    for (const name of fresh) await rename(join(staging, name), join(directory, name));
    for (const name of names) if (!fresh.includes(name)) await rm(join(directory, name), { force: true });
    await rm(staging, { recursive: true });
    return sheets;
  } catch (error) {
    if (made !== undefined) await rm(made, { recursive: true, force: true });
    throw error;
  }
}

function drawSheet(
  mistakes: readonly Mistake[],
  total: number,
  { images, height, width }: Pick<ImageDataset, 'images' | 'height' | 'width'>,
): Canvas {
  const shown = mistakes.slice(0, MAX_SHOWN);
  const scale = Math.max(1, Math.floor(CELL_WIDTH / width));
  const cellWidth = Math.max(CELL_WIDTH, width * scale);
  const cellHeight = height * scale + CAPTION_LINES * LINE + 4;
  const columns = Math.min(COLUMNS, Math.max(4, shown.length));
  const rows = Math.ceil(shown.length / columns);
  const titles = titleLines(shown.length, mistakes, total);
  const top = GAP + titles.length * LINE + GAP;
  const canvas = createCanvas(
    Math.max(
      GAP + columns * (cellWidth + GAP),
      2 * GAP + Math.max(...titles.map((line) => textWidth(line, TEXT_SCALE))),
    ),
    top + rows * (cellHeight + GAP),
    PAPER,
  );
  for (const [line, title] of titles.entries()) {
    canvas.text(GAP, GAP + line * LINE, title, line === 0 ? BLACK : GREY, TEXT_SCALE);
  }
  const pixels = height * width;
  for (const [place, mistake] of shown.entries()) {
    const x = GAP + (place % columns) * (cellWidth + GAP);
    const y = top + Math.floor(place / columns) * (cellHeight + GAP);
    const image = images.subarray(mistake.index * pixels, (mistake.index + 1) * pixels);
    canvas.shades(x, y, image, width, scale);
    const below = y + height * scale + 4;
    const both = `${mistake.truth} as ${mistake.predicted}`;
    const guess = textWidth(both, TEXT_SCALE) <= cellWidth ? both : `as ${mistake.predicted}`;
    canvas.text(x, below, fitText(guess, cellWidth, TEXT_SCALE), RED, TEXT_SCALE);
    canvas.text(x, below + LINE, `${(100 * mistake.confidence).toFixed(1)}%`, BLACK, TEXT_SCALE);
    canvas.text(x, below + 2 * LINE, fitText(`#${mistake.index}`, cellWidth, TEXT_SCALE), GREY, TEXT_SCALE);
  }
  return canvas;
}

function titleLines(shown: number, mistakes: readonly Mistake[], total: number): string[] {
  const part = shown < mistakes.length ? `, the ${shown} most confident` : '';
  return [
    `${mistakes[0]!.truth}: ${mistakes.length} of ${total} wrong${part}`,
    'truth as guess, probability of the guess, #row',
  ];
}

/** Class names may hold anything; the label keeps names apart that become alike. */
function sheetName(label: number, classNames: readonly string[]): string {
  const name = classNames[label]!;
  const plain = name.replace(/[^\p{L}\p{N}_-]+/gu, '-').slice(0, 40);
  return plain === name ? `truth-${name}.png` : `truth-${plain}-${label}.png`;
}
