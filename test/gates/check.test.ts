import { describe, expect, test } from 'vitest';
import { GateError, UsageError } from '../../src/errors.ts';
import { checkGates, requireGates, validateGates } from '../../src/gates/check.ts';
import { makeEvaluation } from '../metrics/make-evaluation.ts';

/** 1,000 examples of class 0 and of class 1, of which the first so many are wrong. */
function evaluation(wrong0: number, wrong1: number) {
  const labels = Array.from({ length: 2000 }, (_, index) => (index < 1000 ? 0 : 1));
  const predictions = labels.map((label, index) =>
    index % 1000 < (label === 0 ? wrong0 : wrong1) ? 2 : label,
  );
  return makeEvaluation(labels, predictions, { classes: 3 });
}

const passed = (...args: Parameters<typeof checkGates>) => checkGates(...args).map((result) => result.passed);

describe('checkGates', () => {
  test('checks total accuracy and that of single digits against fractions', () => {
    const judged = { evaluation: evaluation(100, 300) };
    expect(passed(judged, { minAccuracy: 0.8 })).toEqual([true]);
    expect(passed(judged, { minAccuracy: 0.8001 })).toEqual([false]);
    expect(checkGates(judged, { minDigitAccuracy: { 1: 0.75, 0: 0.9 } })).toEqual([
      {
        gate: 'min-digit-accuracy 0',
        passed: true,
        message: 'min-digit-accuracy 0=0.9: accuracy of 0 is 0.9',
      },
      {
        gate: 'min-digit-accuracy 1',
        passed: false,
        message: 'min-digit-accuracy 1=0.75: accuracy of 1 is 0.7',
      },
    ]);
  });

  test('a digit without examples does not meet a gate of its own', () => {
    const [result] = checkGates({ evaluation: evaluation(0, 0) }, { minDigitAccuracy: { 2: 0 } });
    expect(result).toMatchObject({
      passed: false,
      message: expect.stringContaining('n/a, it has no examples'),
    });
  });

  test('a drop of exactly the bound is allowed, whatever its binary fraction', () => {
    for (let wrong = 1; wrong <= 100; wrong++) {
      const judged = { evaluation: evaluation(wrong, 0), baseline: evaluation(0, 0) };
      expect(passed(judged, { maxDigitDrop: Number((wrong / 10).toFixed(1)) })).toEqual([true]);
      expect(passed(judged, { maxDigitDrop: Number((wrong / 10 - 0.01).toFixed(2)) })).toEqual([false]);
    }
  });

  test('names every digit that drops too much, the worst first', () => {
    const judged = { evaluation: evaluation(20, 50), baseline: evaluation(0, 0) };
    expect(checkGates(judged, { maxDigitDrop: 1 })[0]!.message).toBe(
      'max-digit-drop 1: 1 drops 5.00 points, 0 drops 2.00 points',
    );
    expect(checkGates(judged, { maxDigitDrop: 6 })[0]!.message).toBe('max-digit-drop 6: 1 drops 5.00 points');
  });

  test('takes the other digits together, without the target digits', () => {
    const judged = { evaluation: evaluation(200, 10), baseline: evaluation(0, 0), targetLabels: [0] };
    expect(checkGates(judged, { maxOtherDrop: 1 })).toMatchObject([
      { passed: true, message: 'max-other-drop 1: other drops 1.00 points' },
    ]);
    expect(passed({ ...judged, targetLabels: [1] }, { maxOtherDrop: 1 })).toEqual([false]);
    expect(passed({ ...judged, targetLabels: [] }, { maxOtherDrop: 10.5 })).toEqual([true]);
  });

  test('asks for a gain of the total', () => {
    const judged = { evaluation: evaluation(10, 10), baseline: evaluation(20, 20) };
    expect(passed(judged, { minGain: 1 })).toEqual([true]);
    expect(passed(judged, { minGain: 1.01 })).toEqual([false]);
    expect(passed({ evaluation: judged.baseline, baseline: judged.evaluation }, { minGain: -1 })).toEqual([
      true,
    ]);
  });

  test('counts only changes beyond noise when asked to', () => {
    const dropped = { evaluation: evaluation(5, 0), baseline: evaluation(0, 0) };
    expect(passed(dropped, { maxDigitDrop: 0.1 })).toEqual([false]);
    expect(passed(dropped, { maxDigitDrop: 0.1, significant: true })).toEqual([true]);
    const lost = { evaluation: evaluation(20, 0), baseline: evaluation(0, 0) };
    expect(passed(lost, { maxDigitDrop: 0.1, significant: true })).toEqual([false]);
    const gained = { evaluation: evaluation(0, 0), baseline: evaluation(4, 0) };
    expect(passed(gained, { minGain: 0.1 })).toEqual([true]);
    expect(passed(gained, { minGain: 0.1, significant: true })).toEqual([false]);
  });

  test('checks nothing that is not set', () => {
    expect(
      checkGates({ evaluation: evaluation(9, 9), baseline: evaluation(0, 0) }, { significant: true }),
    ).toEqual([]);
  });
});

describe('validateGates', () => {
  const classNames = ['0', '1'];
  test.each([
    [
      'an unknown class',
      { minDigitAccuracy: { 7: 0.5 } },
      true,
      'min-digit-accuracy 7: no class is called so; there are 0, 1',
    ],
    [
      'a drop without a comparison',
      { maxDigitDrop: 1 },
      false,
      'max-digit-drop: there is nothing to compare with',
    ],
    ['a drop of the other digits without a comparison', { maxOtherDrop: 1 }, false, 'max-other-drop: '],
    ['a gain without a comparison', { minGain: 0 }, false, 'min-gain: '],
  ])('refuses %s', (_, gates, compared, words) => {
    const validate = () => validateGates(gates, { classNames, compared });
    expect(validate).toThrow(UsageError);
    expect(validate).toThrow(words);
  });
});

describe('requireGates', () => {
  test('throws one line for each gate that was not met', () => {
    const judged = { evaluation: evaluation(20, 50), baseline: evaluation(0, 0) };
    const results = checkGates(judged, { minAccuracy: 0.99, maxDigitDrop: 1, minGain: -5 });
    const require = () => requireGates(results);
    expect(require).toThrow(GateError);
    expect(require).toThrow(
      '2 of 3 gates not met\n  min-accuracy 0.99: accuracy is 0.965\n  max-digit-drop 1: 1 drops 5.00 points, 0 drops 2.00 points',
    );
  });

  test('lets results pass that meet all', () => {
    expect(() => requireGates([])).not.toThrow();
    expect(() =>
      requireGates(checkGates({ evaluation: evaluation(0, 0) }, { minAccuracy: 1 })),
    ).not.toThrow();
  });
});
