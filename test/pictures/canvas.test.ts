import { describe, expect, test } from 'vitest';
import { createCanvas, fitText, textWidth } from '../../src/pictures/canvas.ts';

describe('text in pictures', () => {
  test('is cut where it does not fit', () => {
    expect(fitText('Sandal', textWidth('Sandal'))).toBe('Sandal');
    expect(fitText('Sandal', textWidth('Sandal') - 1)).toBe('San..');
  });

  test('stays within the picture and shows unknown characters as a question mark', () => {
    const canvas = createCanvas(20, 8, [0, 0, 0]);
    canvas.text(14, 3, 'WW', [255, 255, 255]);
    canvas.text(0, 0, '字', [9, 9, 9]);
    const question = createCanvas(20, 8, [0, 0, 0]);
    question.text(14, 3, 'WW', [255, 255, 255]);
    question.text(0, 0, '?', [9, 9, 9]);
    expect(canvas.data).toEqual(question.data);
  });
});
