import { execa } from 'execa';
import { expect, test } from 'vitest';
import { useBuild } from '../helpers/build.ts';
import { largestDifference } from '../helpers/parity.ts';

// The examples import the package by its name, and so its build.
useBuild();

/** Runs an example. Returns a function that gives the numbers in the line that starts with a title. */
async function runExample(name: string): Promise<(title: string) => number[]> {
  const { stdout } = await execa('node', [`examples/${name}.mjs`]);
  const lines = stdout.split('\n');
  return (title) => {
    const line = lines.find((candidate) => candidate.startsWith(`${title}:`)) ?? '';
    return (line.slice(title.length).match(/\d+(\.\d+)?/g) ?? []).map(Number);
  };
}

// All random numbers are seeded. The bounds are far from the measured results, which differ between engines and devices
// only by rounding.

test('adapt-a-cnn: an adapter learns inverted images; off, the CNN is as before, and merged as adapted', async () => {
  const numbersOf = await runExample('adapt-a-cnn');
  const [plain, scanned] = numbersOf('base');
  expect(plain).toBeGreaterThan(90);
  expect(scanned).toBeLessThan(30);
  expect(numbersOf('adapter on')[1]).toBeGreaterThan(60);
  expect(numbersOf('adapter off')).toEqual(numbersOf('base'));
  // Rounding may turn over one or two of 2000 images.
  expect(largestDifference(numbersOf('merged'), numbersOf('adapter on'))).toBeLessThan(0.15);
});

test('two-inputs: each adapter serves its region, and half of each serves the border best', async () => {
  const numbersOf = await runExample('two-inputs');
  const base = numbersOf('base') as [number, number, number];
  const north = numbersOf('north adapter') as [number, number, number];
  const south = numbersOf('south adapter') as [number, number, number];
  expect(north[0]).toBeLessThan(base[0] / 2);
  expect(south[1]).toBeLessThan(base[1] / 2);
  expect(north[1]).toBeGreaterThan(base[1]);
  expect(south[0]).toBeGreaterThan(base[0]);
  expect(numbersOf('half of each')[2]).toBeLessThan(0.7 * Math.min(base[2], north[2], south[2]));
  expect(numbersOf('no adapter')).toEqual(numbersOf('base'));
});

test('regression: learns a new building from 60 days, and the adapter survives saving and merging', async () => {
  const numbersOf = await runExample('regression');
  expect(numbersOf('adapted')[1]).toBeLessThan(numbersOf('base')[1]! / 3);
  expect(numbersOf('base, unchanged')).toEqual(numbersOf('base'));
  // The last printed digit may be rounded differently.
  expect(largestDifference(numbersOf('loaded and merged'), numbersOf('adapted'))).toBeLessThan(0.015);
});

test('fine-tuning in a program removes errors on the target digits and adds none on the others', async () => {
  const line = await runExample('fine-tune-digits');
  const [targetBefore, targetAfter] = line('target');
  const [otherBefore, otherAfter] = line('other');
  expect(targetAfter).toBeLessThan(0.85 * targetBefore!);
  expect(otherAfter).toBeLessThan(otherBefore!);
  expect(line('kept step')[0]).toBeGreaterThan(0);
});

test('transformer: adapters on its attention learn, and are exchanged while it runs', async () => {
  const { stdout } = await execa('node', ['examples/transformer.mjs'], { env: { STEPS: '20' } });
  const sample = (title: string) => new RegExp(`^${title}: (.*\n.*)$`, 'm').exec(stdout)![1];
  expect(stdout).toContain('each adapter trains 4096 values, the transformer has 106268');
  expect(sample('noun-first on')).not.toBe(sample('pretrained'));
  expect(sample('telegram on')).not.toBe(sample('noun-first on'));
  expect(sample('noun-first on again')).toBe(sample('noun-first on'));
  expect(sample('no adapter')).toBe(sample('pretrained'));
});
