import { expect, test } from 'vitest';
import { comparisons, type Result } from '../../../scripts/bench/run-case.mjs';
import { resultTable } from '../../../scripts/bench/table.mjs';

test('shows speeds, the ratio to another framework, and whether the goal is met', () => {
  const text = resultTable([result({ goal: 2.5 }), result({ goal: 1.5 })]);
  const rows = text.split('\n').filter((line) => line.includes('PyTorch'));
  expect(rows[0]).toMatch(/50\.0 +50\.0 +50\.0 +2\.00x \(2\.00x-2\.00x\) +2\.50x no/);
  expect(rows[1]).toMatch(/2\.00x \(2\.00x-2\.00x\) +1\.50x yes/);
  expect(text).toMatch(/ours \* +xla +100 +100 +100 +700/);
});

test('compares a limit in seconds with the time beyond that of the other contender', () => {
  expect(resultTable([result({ limitSeconds: 0.05 })])).toMatch(/\+0\.05 s yes/);
  const alone = result({ limitSeconds: 0.005 });
  expect(resultTable([{ ...alone, contenders: alone.contenders.slice(0, 1) }])).toMatch(/ 0\.005 s no/);
});

test('shows the rate of operations if they are counted', () => {
  const [header, , ours, pytorch] = resultTable([result({ operations: 3e10 })]).split('\n');
  expect(header).toMatch(/max +TFLOP\/s +tfjs-lora is/);
  expect(ours).toMatch(/ours \* +xla +100 +100 +100 +3\.00 +700/);
  expect(pytorch).toMatch(/50\.0 +1\.50 +2\.00x/);
  expect(resultTable([result({})])).not.toContain('TFLOP');
});

interface ResultOptions {
  readonly goal?: number;
  readonly limitSeconds?: number;
  readonly operations?: number;
}

function result({ goal, limitSeconds, operations }: ResultOptions): Result {
  const contenders = [
    {
      name: 'ours',
      framework: 'tfjs-lora',
      note: 'engine xla',
      seconds: [0.01, 0.01],
      medianSeconds: 0.01,
      peakBytes: 7e8,
    },
    {
      name: 'PyTorch',
      framework: 'PyTorch',
      note: '',
      seconds: [0.02, 0.02],
      medianSeconds: 0.02,
      peakBytes: 0,
    },
  ];
  const goals: Record<string, number> = goal === undefined ? {} : { PyTorch: goal };
  return {
    name: 'case',
    title: 'a case',
    unit: 'steps/s',
    contenders,
    limitSeconds,
    operations,
    comparisons: comparisons(contenders, goals),
  };
}
