import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../errors.ts';
import { makeFolder } from '../files/make-folder.ts';
import { onDisk } from '../files/on-disk.ts';
import { writeWhole } from '../files/write-whole.ts';
import type { ImageDataset } from '../mnist-data-loader/dataset.ts';
import { type Canvas, type Color, createCanvas, fitText, LINE_HEIGHT, textWidth } from './canvas.ts';
import { encodePng } from './png.ts';

/** What a classifier said about each image of a set; an `Evaluation` is one. */
export interface Judgement {
  readonly classNames: readonly string[];
  readonly labels: Uint8Array;
  readonly predictions: Uint8Array;
  readonly confidences: Float32Array;
}

/** An image that was taken for another class. */
export interface Mistake {
  /** Row of the image in its set. */
  readonly row: number;
  readonly label: number;
  readonly prediction: number;
  /** Probability of the prediction, 0..1. */
  readonly confidence: number;
}

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

/** The images of a class that were taken for another, the most confident first. */
export function mistakesOf(judgement: Judgement, label: number): Mistake[] {
  const { labels, predictions, confidences } = judgement;
  const mistakes: Mistake[] = [];
  for (const [row, truth] of labels.entries()) {
    const prediction = predictions[row]!;
    if (truth !== label || prediction === label) continue;
    mistakes.push({ row, label, prediction, confidence: confidences[row]! });
  }
  return mistakes.toSorted((one, other) => other.confidence - one.confidence || one.row - other.row);
}

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
  judgement: Judgement,
  dataset: Pick<ImageDataset, 'images' | 'height' | 'width' | 'count'>,
  directory: string,
): Promise<MistakeSheet[]> {
  if (judgement.labels.length !== dataset.count) {
    throw new RangeError(`${judgement.labels.length} judgements do not fit ${dataset.count} images`);
  }
  return await onDisk(DataError, directory, 'written', () => drawInto(directory, judgement, dataset));
}

async function drawInto(
  directory: string,
  judgement: Judgement,
  dataset: Pick<ImageDataset, 'images' | 'height' | 'width'>,
): Promise<MistakeSheet[]> {
  const names = [...judgement.classNames.keys()].map((label) => sheetName(label, judgement.classNames));
  let made: string | undefined;
  try {
    made = await makeFolder(directory);
    const staging = await mkdtemp(join(directory, '.partial-'));
    made ??= staging;
    const sheets: MistakeSheet[] = [];
    for (const [label, name] of names.entries()) {
      const mistakes = mistakesOf(judgement, label);
      if (mistakes.length === 0) continue;
      const total = judgement.labels.reduce((count, truth) => count + (truth === label ? 1 : 0), 0);
      const sheet = drawSheet(mistakes, total, judgement.classNames, dataset);
      await writeWhole(join(staging, name), encodePng(sheet));
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
  classNames: readonly string[],
  { images, height, width }: Pick<ImageDataset, 'images' | 'height' | 'width'>,
): Canvas {
  const shown = mistakes.slice(0, MAX_SHOWN);
  const scale = Math.max(1, Math.floor(CELL_WIDTH / width));
  const cellWidth = Math.max(CELL_WIDTH, width * scale);
  const cellHeight = height * scale + CAPTION_LINES * LINE + 4;
  const columns = Math.min(COLUMNS, Math.max(4, shown.length));
  const rows = Math.ceil(shown.length / columns);
  const titles = titleLines(shown.length, mistakes, total, classNames);
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
  for (const [index, mistake] of shown.entries()) {
    const x = GAP + (index % columns) * (cellWidth + GAP);
    const y = top + Math.floor(index / columns) * (cellHeight + GAP);
    const image = images.subarray(mistake.row * pixels, (mistake.row + 1) * pixels);
    canvas.shades(x, y, image, width, scale);
    const below = y + height * scale + 4;
    const both = `${classNames[mistake.label]} as ${classNames[mistake.prediction]}`;
    const guess = textWidth(both, TEXT_SCALE) <= cellWidth ? both : `as ${classNames[mistake.prediction]}`;
    canvas.text(x, below, fitText(guess, cellWidth, TEXT_SCALE), RED, TEXT_SCALE);
    canvas.text(x, below + LINE, `${(100 * mistake.confidence).toFixed(1)}%`, BLACK, TEXT_SCALE);
    canvas.text(x, below + 2 * LINE, fitText(`#${mistake.row}`, cellWidth, TEXT_SCALE), GREY, TEXT_SCALE);
  }
  return canvas;
}

function titleLines(
  shown: number,
  mistakes: readonly Mistake[],
  total: number,
  classNames: readonly string[],
): string[] {
  const name = classNames[mistakes[0]!.label]!;
  const part = shown < mistakes.length ? `, the ${shown} most confident` : '';
  return [
    `${name}: ${mistakes.length} of ${total} wrong${part}`,
    'truth as guess, probability of the guess, #row',
  ];
}

/** Class names may hold anything; the label keeps names apart that become alike. */
function sheetName(label: number, classNames: readonly string[]): string {
  const name = classNames[label]!;
  const plain = name.replace(/[^\p{L}\p{N}_-]+/gu, '-').slice(0, 40);
  return plain === name ? `truth-${name}.png` : `truth-${plain}-${label}.png`;
}
