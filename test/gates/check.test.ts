import { describe, expect, test } from 'vitest';
import { GateError, UsageError } from '../../src/errors.ts';
import { checkGates, requireGates, validateGates } from '../../src/gates/index.ts';
import { makeEvaluation } from '../metrics/make-evaluation.ts';

/** 1,000 examples each of class 0 and class 1, the first `wrong0` and `wrong1` of them misclassified as class 2. */
function evaluation(wrong0: number, wrong1: number) {
  const labels = Array.from({ length: 2000 }, (_, index) => (index < 1000 ? 0 : 1));
  const predictions = labels.map((label, index) =>
    index % 1000 < (label === 0 ? wrong0 : wrong1) ? 2 : label,
  );
  return makeEvaluation(labels, predictions, { classes: 3 });
}

const passed = (...args: Parameters<typeof checkGates>) => checkGates(...args).map((result) => result.passed);

describe('checkGates', () => {
  test('checks the accuracy over all digits and of single digits', () => {
    const input = { evaluation: evaluation(100, 300) };
    expect(passed(input, { minAccuracy: 0.8 })).toEqual([true]);
    expect(passed(input, { minAccuracy: 0.8001 })).toEqual([false]);
    expect(checkGates(input, { minDigitAccuracy: { 1: 0.75, 0: 0.9 } })).toEqual([
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

  test('fails a gate on a digit that has no examples', () => {
    const [result] = checkGates({ evaluation: evaluation(0, 0) }, { minDigitAccuracy: { 2: 0 } });
    expect(result).toMatchObject({
      passed: false,
      message: expect.stringContaining('n/a, it has no examples'),
    });
  });

  test('allows a drop of exactly the limit, despite rounding', () => {
    for (let wrong = 1; wrong <= 100; wrong++) {
      const input = { evaluation: evaluation(wrong, 0), baseline: evaluation(0, 0) };
      expect(passed(input, { maxDigitDrop: Number((wrong / 10).toFixed(1)) })).toEqual([true]);
      expect(passed(input, { maxDigitDrop: Number((wrong / 10 - 0.01).toFixed(2)) })).toEqual([false]);
    }
  });

  test('tolerates 1e-9 of rounding in accuracies and points, and no more', () => {
    const input = { evaluation: evaluation(500, 500), baseline: evaluation(499, 499) }; // accuracy 0.5, 0.1 points lost
    for (const [gates, isMet] of [
      [{ minAccuracy: 0.5 + 0.9e-9 }, true],
      [{ minAccuracy: 0.5 + 1.1e-9 }, false],
      [{ minDigitAccuracy: { 0: 0.5 + 0.9e-9 } }, true],
      [{ minDigitAccuracy: { 0: 0.5 + 1.1e-9 } }, false],
      [{ minGain: -0.1 + 0.9e-9 }, true],
      [{ minGain: -0.1 + 1.1e-9 }, false],
      [{ maxDigitDrop: 0.1 - 0.9e-9 }, true],
      [{ maxDigitDrop: 0.1 - 1.1e-9 }, false],
    ] as const)
      expect(passed(input, gates)).toEqual([isMet]);
  });

  test('names no digit if none lost anything', () => {
    const baseline = evaluation(20, 20);
    for (const better of [evaluation(20, 20), evaluation(10, 15)]) {
      const [result] = checkGates({ evaluation: better, baseline }, { maxDigitDrop: 1 });
      expect(result).toMatchObject({ passed: true, message: 'max-digit-drop 1: no drop' });
    }
  });

  test('rejects gates on changes without a baseline', () => {
    expect(() => checkGates({ evaluation: evaluation(0, 0) }, { minGain: 0 })).toThrow(
      'min-gain: there is no evaluation to compare with',
    );
  });

  test('names every digit that lost too much, the worst first', () => {
    const input = { evaluation: evaluation(20, 50), baseline: evaluation(0, 0) };
    expect(checkGates(input, { maxDigitDrop: 1 })[0]!.message).toBe(
      'max-digit-drop 1: 1 lost 5.00 points, 0 lost 2.00 points',
    );
    expect(checkGates(input, { maxDigitDrop: 6 })[0]!.message).toBe('max-digit-drop 6: 1 lost 5.00 points');
  });

  test('sums up the other digits, without the target digits', () => {
    const input = { evaluation: evaluation(200, 10), baseline: evaluation(0, 0), targetLabels: [0] };
    expect(checkGates(input, { maxOtherDrop: 1 })).toMatchObject([
      { passed: true, message: 'max-other-drop 1: other classes lost 1.00 points' },
    ]);
    expect(passed({ ...input, targetLabels: [1] }, { maxOtherDrop: 1 })).toEqual([false]);
    expect(passed({ ...input, targetLabels: [] }, { maxOtherDrop: 10.5 })).toEqual([true]);
  });

  test('checks the gain over all digits', () => {
    const input = { evaluation: evaluation(10, 10), baseline: evaluation(20, 20) };
    expect(passed(input, { minGain: 1 })).toEqual([true]);
    expect(passed(input, { minGain: 1.01 })).toEqual([false]);
    expect(passed({ evaluation: input.baseline, baseline: input.evaluation }, { minGain: -1 })).toEqual([
      true,
    ]);
  });

  test('ignores insignificant changes if `significant` is set', () => {
    const dropped = { evaluation: evaluation(5, 0), baseline: evaluation(0, 0) };
    expect(passed(dropped, { maxDigitDrop: 0.1 })).toEqual([false]);
    expect(passed(dropped, { maxDigitDrop: 0.1, significant: true })).toEqual([true]);
    const lost = { evaluation: evaluation(20, 0), baseline: evaluation(0, 0) };
    expect(passed(lost, { maxDigitDrop: 0.1, significant: true })).toEqual([false]);
    const gained = { evaluation: evaluation(0, 0), baseline: evaluation(4, 0) };
    expect(passed(gained, { minGain: 0.1 })).toEqual([true]);
    expect(passed(gained, { minGain: 0.1, significant: true })).toEqual([false]);
  });

  test('checks only the gates that are set', () => {
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
      'min-digit-accuracy 7: unknown class; expected one of 0, 1',
    ],
    [
      'a limit on the drop of a digit without a baseline',
      { maxDigitDrop: 1 },
      false,
      'max-digit-drop: there is no evaluation to compare with',
    ],
    [
      'a limit on the drop of other digits without a baseline',
      { maxOtherDrop: 1 },
      false,
      'max-other-drop: ',
    ],
    ['a minimum gain without a baseline', { minGain: 0 }, false, 'min-gain: '],
  ])('throws for %s', (_, gates, hasBaseline, message) => {
    const validate = () => validateGates(gates, { classNames, hasBaseline });
    expect(validate).toThrow(UsageError);
    expect(validate).toThrow(message);
  });
});

describe('requireGates', () => {
  test('throws an error with a line for each gate that was not met', () => {
    const input = { evaluation: evaluation(20, 50), baseline: evaluation(0, 0) };
    const results = checkGates(input, { minAccuracy: 0.99, maxDigitDrop: 1, minGain: -5 });
    const require = () => requireGates(results);
    expect(require).toThrow(GateError);
    expect(require).toThrow(
      '2 of 3 gates not met\n  min-accuracy 0.99: accuracy is 0.965\n  max-digit-drop 1: 1 lost 5.00 points, 0 lost 2.00 points',
    );
  });

  test('does not throw if all gates are met', () => {
    expect(() => requireGates([])).not.toThrow();
    expect(() =>
      requireGates(checkGates({ evaluation: evaluation(0, 0) }, { minAccuracy: 1 })),
    ).not.toThrow();
  });
});
