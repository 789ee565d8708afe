import { expect, test } from 'vitest';
import { comparisons, type Result } from '../../../scripts/bench/compete.mjs';
import { resultTable } from '../../../scripts/bench/table.mjs';

test('the table shows speeds, the ratio beside the anchor it is taken to, and whether the goal is met', () => {
  const text = resultTable([result({ goal: 2.5 }), result({ goal: 1.5 })]);
  const rows = text.split('\n').filter((line) => line.includes('PyTorch'));
  expect(rows[0]).toMatch(/50\.0 +50\.0 +50\.0 +2\.00x \(2\.00x-2\.00x\) +2\.50x no/);
  expect(rows[1]).toMatch(/2\.00x \(2\.00x-2\.00x\) +1\.50x yes/);
  expect(text).toMatch(/ours \* +xla +100 +100 +100 +700/);
});

test('a limit in seconds is on what the product takes above the other contender', () => {
  expect(resultTable([result({ limitSeconds: 0.05 })])).toMatch(/\+0\.05 s yes/);
  const alone = result({ limitSeconds: 0.005 });
  expect(resultTable([{ ...alone, standings: alone.standings.slice(0, 1) }])).toMatch(/ 0\.005 s no/);
});

test('where operations are counted, their rate stands beside the speed', () => {
  const [header, , ours, anchor] = resultTable([result({ operations: 3e10 })]).split('\n');
  expect(header).toMatch(/most +TFLOP\/s +tfjs-lora is/);
  expect(ours).toMatch(/ours \* +xla +100 +100 +100 +3\.00 +700/);
  expect(anchor).toMatch(/50\.0 +1\.50 +2\.00x/);
  expect(resultTable([result({})])).not.toContain('TFLOP');
});

interface Given {
  readonly goal?: number;
  readonly limitSeconds?: number;
  readonly operations?: number;
}

function result({ goal, limitSeconds, operations }: Given): Result {
  const standings = [
    {
      name: 'ours',
      team: 'tfjs-lora',
      note: 'engine xla',
      seconds: [0.01, 0.01],
      medianSeconds: 0.01,
      peakBytes: 7e8,
    },
    { name: 'PyTorch', team: 'PyTorch', note: '', seconds: [0.02, 0.02], medianSeconds: 0.02, peakBytes: 0 },
  ];
  const goals: Record<string, number> = goal === undefined ? {} : { PyTorch: goal };
  return {
    ...{ name: 'case', title: 'a case', unit: 'steps/s', standings, limitSeconds, operations },
    comparisons: comparisons(standings, goals),
  };
}
