import { expect, test } from 'vitest';
import { predictionDocument, renderPredictions } from '../../src/cli/commands/predict/render.ts';
import { runCommand, sh } from '../helpers/command.ts';

const classNames = ['0', '1', '2'];
const predictions = [
  { file: 'a.png', label: 1, probabilities: [0.25, 0.5, 0.25] },
  { file: 'rows', row: 12, label: 2, probabilities: [0, 0.0004, 0.9996] },
];

test('predict needs files and a model', async () => {
  expect((await runCommand('.', sh`predict`)).code).toBe(2);
  expect(await runCommand('.', sh`predict x.png`)).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^error: --model is missing; name a run/),
  });
});

test('the text of predictions shows the most likely classes of each image', () => {
  expect(renderPredictions(predictions, classNames, 2)).toBe(
    ['a.png          1   50.0 %  0  25.0 %', 'rows   row 12  2  100.0 %  1   0.0 %'].join('\n'),
  );
  expect(renderPredictions([predictions[0]!], classNames, 1)).toBe('a.png  1  50.0 %');
  expect(renderPredictions([predictions[0]!], classNames, 9)).toBe('a.png  1  50.0 %  0  25.0 %  2  25.0 %');
});

test('the JSON document of predictions has every probability', () => {
  expect(predictionDocument(predictions, classNames, 'runs/x')).toEqual({
    format: 'tfjs-lora predictions',
    formatVersion: 1,
    model: 'runs/x',
    classNames,
    predictions: [
      { file: 'a.png', className: '1', confidence: 0.5, probabilities: [0.25, 0.5, 0.25] },
      { file: 'rows', row: 12, className: '2', confidence: 0.9996, probabilities: [0, 0.0004, 0.9996] },
    ],
  });
});
