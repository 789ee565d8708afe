import { execa } from 'execa';
import { expect, test } from 'vitest';
import { withPython } from '../../helpers/python.ts';

const bench = (...args: string[]) => execa('node', ['scripts/bench/main.mjs', ...args], { reject: false });

test.runIf(withPython)(
  'measures the product beside tfjs, PyTorch and JAX, every round in the JSON',
  async () => {
    const { stdout, exitCode } = await bench('--json', '--quick', '--rounds', '2', '--only', 'evaluation');
    expect(exitCode).toBe(0);
    const { machine, results } = JSON.parse(stdout);
    expect(Object.keys(machine.versions)).toEqual(expect.arrayContaining(['tensorflow', 'torch', 'jax']));
    const [{ standings, comparisons }] = results;
    expect(new Set(standings.map(({ team }: { team: string }) => team))).toEqual(
      new Set(['tfjs-lora', 'predict', 'PyTorch', 'JAX']),
    );
    for (const { seconds, peakBytes } of standings) {
      expect(seconds).toHaveLength(2);
      expect(peakBytes).toBeGreaterThan(50e6);
    }
    for (const { ratio } of comparisons) expect(ratio.median).toBeGreaterThan(0);
  },
);

test('refuses a case that does not exist, and says which there are', async () => {
  const { stderr, exitCode } = await bench('--only', 'pretraining');
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^error: --only pretraining: no such case; choose from pretrain, /);
});
