import font from 'oled-font-5x7';
import type { Picture } from './png.ts';

/** Each 0..255. */
export type Color = readonly [red: number, green: number, blue: number];

/** An opaque picture to draw on; what lies beyond its edges is left out. */
export interface Canvas extends Picture {
  /** Fills a rectangle. */
  fill(x: number, y: number, width: number, height: number, color: Color): void;
  /** Writes one line of text, its top left corner at (x, y); characters the font lacks become `?`. */
  text(x: number, y: number, text: string, color: Color, scale?: number): void;
  /** Draws shades of grey [height, width], each pixel `scale` pixels wide and high. */
  shades(x: number, y: number, values: Uint8Array, width: number, scale: number): void;
}

/** Height of a line of text, space to the next one included, at scale 1. */
export const LINE_HEIGHT = font.height + 2;
const ADVANCE = font.width + 1;

/** Width of a text in pixels. */
export function textWidth(text: string, scale = 1): number {
  return [...text].length * ADVANCE * scale;
}

/** The text, cut with two dots at its end where it is wider than `width` pixels. */
export function fitText(text: string, width: number, scale = 1): string {
  const characters = [...text];
  const room = Math.floor(width / (ADVANCE * scale));
  return characters.length <= room ? text : `${characters.slice(0, Math.max(0, room - 2)).join('')}..`;
}

/** A canvas of one colour throughout. */
export function createCanvas(width: number, height: number, background: Color): Canvas {
  const data = new Uint8Array(4 * width * height);
  const fill: Canvas['fill'] = (x, y, fillWidth, fillHeight, [red, green, blue]) => {
    for (let row = Math.max(0, y); row < Math.min(height, y + fillHeight); row++) {
      for (let column = Math.max(0, x); column < Math.min(width, x + fillWidth); column++) {
        const at = 4 * (row * width + column);
        data[at] = red;
        data[at + 1] = green;
        data[at + 2] = blue;
        data[at + 3] = 255;
      }
    }
  };
  fill(0, 0, width, height, background);
  return {
    width,
    height,
    data,
    fill,
    text(x, y, text, color, scale = 1) {
      for (const [place, character] of [...text].entries()) {
        for (const [column, bits] of glyph(character).entries()) {
          for (let row = 0; row < font.height; row++) {
            const left = x + (place * ADVANCE + column) * scale;
            if ((bits >> row) & 1) fill(left, y + row * scale, scale, scale, color);
          }
        }
      }
    },
    shades(x, y, values, imageWidth, scale) {
      for (const [index, shade] of values.entries()) {
        const column = index % imageWidth;
        const row = Math.floor(index / imageWidth);
        fill(x + column * scale, y + row * scale, scale, scale, [shade, shade, shade]);
      }
    },
  };
}

function glyph(character: string): readonly number[] {
  const found = font.lookup.indexOf(character);
  const place = (found < 0 ? font.lookup.indexOf('?') : found) * font.width;
  return font.fontData.slice(place, place + font.width);
}
