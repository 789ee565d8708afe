import { PNG } from 'pngjs';
import { expect, test } from 'vitest';
import { palettePng } from '../../scripts/pictures/palette-png.mjs';
import type { Picture } from '../../src/pictures/index.ts';
import { encodePicture, picture } from '../helpers/pictures.ts';

const asPalette = (drawing: Picture): Picture => PNG.sync.read(palettePng(encodePicture(drawing)));

test('palettePng keeps a picture of 256 colours', () => {
  const drawing = picture(32, 8, (x, y) => [8 * x, 32 * y, 100, 255]);
  const { width, height, data } = asPalette(drawing);
  expect({ width, height }).toEqual({ width: 32, height: 8 });
  expect([...data]).toEqual([...drawing.data]);
});

test('palettePng joins similar colours if there are more', () => {
  const drawing = picture(20, 20, (x, y) => [12 * x, 12 * y, 7, 255]);
  const colors = ({ data }: Picture) =>
    Array.from({ length: 400 }, (_, pixel) => data.slice(4 * pixel, 4 * pixel + 3).join());
  const joined = new Set(colors(asPalette(drawing)));
  expect(joined.size).toBeLessThanOrEqual(256);
  expect([...joined].filter((color) => !colors(drawing).includes(color))).toEqual([]);
});
