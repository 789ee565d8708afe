import { expect, test } from 'vitest';
import { caseAgainst, changeOf, changesAgainst } from '../../../scripts/bench/against.mjs';
import { cases } from '../../../scripts/bench/cases.mjs';

const other = { id: 'abc123', folder: '/elsewhere/scripts/bench' };

test('a case against a commit has the contenders of both checkouts and one reference', () => {
  const lora = cases.find(({ name }) => name === 'lora')!;
  const contenders = caseAgainst(lora, other).contenders;
  const ours = contenders.filter(({ framework }) => framework === 'tfjs-lora');
  const theirs = contenders.filter(({ framework }) => framework === other.id);
  expect(ours.length).toBeGreaterThan(1);
  expect(theirs.map(({ name }) => name)).toEqual(ours.map(({ name }) => `${name}, abc123`));
  expect(theirs.every(({ folder }) => folder === other.folder)).toBe(true);
  expect(contenders.slice(2 * ours.length).map(({ framework }) => framework)).toEqual(['minimize']);
});

test('a change is reported only if its interval excludes 1 and it is larger than the noise between processes', () => {
  expect(changeOf([1.2, 1.22, 1.18])).toMatchObject({ verdict: 'faster' });
  expect(changeOf([0.8, 0.83, 0.79])).toMatchObject({ verdict: 'slower' });
  expect(changeOf([0.97, 0.971, 0.969])).toMatchObject({ verdict: 'within noise' });
  expect(changeOf([1.03, 1.031, 1.029])).toMatchObject({ verdict: 'within noise' });
  expect(changeOf([0.7, 1.6, 1.1])).toMatchObject({ verdict: 'within noise' });
  expect(changeOf([2])).toMatchObject({ ratio: 2, verdict: 'within noise' });
});

test('the ratio is the geometric mean, with the t interval of its logarithm', () => {
  const { ratio, interval } = changeOf([1, 4]);
  expect(ratio).toBeCloseTo(2, 10);
  // Logarithms 0 and ln 4: standard error ln 4 / 2, and the 97.5 % quantile for one degree of freedom is 12.7062.
  expect(interval[1]).toBeCloseTo(2 * Math.exp((12.7062 * Math.log(4)) / 2), -1);
});

test('contenders of both checkouts are compared by name, round by round', () => {
  const resultOf = (name: string, seconds: number[]) => ({
    name,
    framework: '',
    note: '',
    seconds,
    medianSeconds: 0,
    peakBytes: 0,
  });
  const contenders = [
    resultOf('A', [1, 2]),
    resultOf('B', [1, 1]),
    resultOf('A, abc123', [2, 4]),
    resultOf('tfjs', [9, 9]),
  ];
  const result = { name: 'case', title: 'Case', unit: 's', contenders, comparisons: [] };
  expect(changesAgainst(result, other.id)).toMatchObject([{ title: 'Case', name: 'A', ratio: 2 }]);
});
