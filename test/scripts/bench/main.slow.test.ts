import { execa } from 'execa';
import { expect, test } from 'vitest';
import { withPython } from '../../helpers/python.ts';

const bench = (...args: string[]) => execa('node', ['scripts/bench/main.mjs', ...args], { reject: false });

test.runIf(withPython)(
  'measures tfjs-lora, tfjs, PyTorch and JAX and prints every round as JSON',
  async () => {
    const { stdout, exitCode } = await bench('--json', '--quick', '--rounds', '2', '--only', 'evaluation');
    expect(exitCode).toBe(0);
    const { machine, results } = JSON.parse(stdout);
    expect(Object.keys(machine.versions)).toEqual(expect.arrayContaining(['tensorflow', 'torch', 'jax']));
    const [{ contenders, comparisons }] = results;
    expect(new Set(contenders.map(({ framework }: { framework: string }) => framework))).toEqual(
      new Set(['tfjs-lora', 'predict', 'PyTorch', 'JAX']),
    );
    for (const { seconds, peakBytes } of contenders) {
      expect(seconds).toHaveLength(2);
      expect(peakBytes).toBeGreaterThan(50e6);
    }
    for (const { ratio } of comparisons) expect(ratio.median).toBeGreaterThan(0);
  },
);

test('rejects an unknown case and lists the known ones', async () => {
  const { stderr, exitCode } = await bench('--only', 'pretraining');
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^error: --only pretraining: unknown case; expected one of pretrain, /);
});

test.each([
  [['--load', '1.5'], '--load 1.5: must be a whole number of at least 0'],
  [['--update'], '--update: needs --check'],
  [['--check', '--against', 'HEAD'], '--check: cannot be used with --against; choose one of them'],
  [['--against', 'no-such-commit'], 'git rev-parse .*no-such-commit'],
])('rejects %j with one line', async (argv, message) => {
  const { stderr, exitCode } = await bench(...argv);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(new RegExp(`^error: ${message}.*$`));
});
