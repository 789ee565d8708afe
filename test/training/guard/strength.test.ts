import { expect, test } from 'vitest';
import { searchStrength } from '../../../src/training/guard/strength.ts';

/** The tuned class gains with the square root of the strength, the other loses with its square. */
const measure = (strength: number) => [
  { support: 1000, errors: Math.round(200 - 100 * Math.sqrt(strength)) },
  { support: 1000, errors: Math.round(10 + 400 * strength ** 2) },
];

test('finds the largest strength that keeps the budget when more strength gains more', () => {
  const { strength, checks } = searchStrength({ targetLabels: [0], maxDrop: 0.05 }, measure);
  // 400 x 0.35^2 = 49 errors of 1000; 0.4 would lose 64.
  expect(strength).toBe(0.35);
  expect(checks.map((check) => check.strength)).toEqual(Array.from({ length: 21 }, (_, index) => index / 20));
  expect(checks.at(-1)).toMatchObject({ gain: 0.1, drop: 0.4, dropLabel: 1, withinBudget: false });
});

test('takes the whole adapter when all of it keeps the budget, and none when nothing does', () => {
  expect(searchStrength({ targetLabels: [0], maxDrop: 0.4 }, measure).strength).toBe(1);
  const harmful = (strength: number) => [
    { support: 10, errors: 0 },
    { support: 10, errors: strength > 0 ? 5 : 0 },
  ];
  expect(searchStrength({ targetLabels: [0], maxDrop: 0.4 }, harmful).strength).toBe(0);
});

test('takes less than is allowed when more gains nothing', () => {
  const peak = (strength: number) => [
    { support: 100, errors: Math.round(50 - 40 * strength * (1.2 - strength)) },
    { support: 100, errors: 5 },
  ];
  expect(searchStrength({ targetLabels: [0], maxDrop: 1 }, peak).strength).toBe(0.5);
});
