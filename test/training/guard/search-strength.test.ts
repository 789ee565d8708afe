import { expect, test } from 'vitest';
import { searchStrength } from '../../../src/training/index.ts';

/** The target class gains with the square root of the strength, the other one loses with its square. */
const measure = (strength: number) => [
  { support: 1000, errors: Math.round(200 - 100 * Math.sqrt(strength)) },
  { support: 1000, errors: Math.round(10 + 400 * strength ** 2) },
];

test('finds the largest strength within the budget if more strength gains more', () => {
  const { strength, checks } = searchStrength({ targetLabels: [0], maxDrop: 0.05 }, measure);
  // 0.35 costs 400 x 0.35^2 = 49 of 1000 images; 0.4 would cost 64.
  expect(strength).toBe(0.35);
  expect(checks.map((check) => check.strength)).toEqual(Array.from({ length: 21 }, (_, index) => index / 20));
  expect(checks.at(-1)).toMatchObject({ gain: 0.1, drop: 0.4, dropLabel: 1, withinBudget: false });
});

test('finds 1 if the whole adapter is within the budget, and 0 if no strength is', () => {
  expect(searchStrength({ targetLabels: [0], maxDrop: 0.4 }, measure).strength).toBe(1);
  const harmful = (strength: number) => [
    { support: 10, errors: 0 },
    { support: 10, errors: strength > 0 ? 5 : 0 },
  ];
  expect(searchStrength({ targetLabels: [0], maxDrop: 0.4 }, harmful).strength).toBe(0);
});

test('finds the strength with the most gain if the budget allows more', () => {
  const peakAtHalf = (strength: number) => [
    { support: 100, errors: Math.round(50 - 40 * strength * (1.2 - strength)) },
    { support: 100, errors: 5 },
  ];
  expect(searchStrength({ targetLabels: [0], maxDrop: 1 }, peakAtHalf).strength).toBe(0.5);
});
