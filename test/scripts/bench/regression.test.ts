import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { checkRatios, regressionCases } from '../../../scripts/bench/regression.mjs';

const expected = JSON.parse(readFileSync('scripts/bench/expected-ratios.json', 'utf8'));

/** Results in which tfjs-lora has `share` of its expected lead in the best of three rounds. */
const resultsOf = (share: number) =>
  regressionCases.map(({ name, title, unit }) => {
    const max = share * expected[name];
    const ratio = { median: 0.6 * max, min: 0.5 * max, max };
    return {
      name,
      title,
      unit,
      contenders: [],
      comparisons: [{ framework: 'tfjs', product: '', against: '', ratios: [], ratio }],
    };
  });

test('every case has one contender of tfjs-lora, one of plain tfjs, and an expected ratio', () => {
  for (const { name, contenders } of regressionCases) {
    expect(contenders).toHaveLength(2);
    expect(contenders[0]).toMatchObject({ framework: 'tfjs-lora', work: { threads: 1 } });
    expect(contenders[1]).toMatchObject({ script: ['plain-tfjs.mjs'] });
    expect(expected[name]).toBeGreaterThan(1);
  }
  expect(regressionCases).toHaveLength(Object.keys(expected).length);
});

test('a loss of a fifth passes, of a third fails', () => {
  expect(checkRatios(resultsOf(0.8)).failed).toEqual([]);
  const { failed, text } = checkRatios(resultsOf(0.67));
  expect(failed).toEqual(regressionCases.map(({ name }) => name));
  expect(text.match(/too slow/g)).toHaveLength(failed.length);
});

test('a case that was not measured fails', () => {
  const [first] = resultsOf(1);
  expect(checkRatios([{ ...first!, comparisons: [] }]).failed).toEqual([first!.name]);
});
