import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';

// The examples import the package by its name, so they see what was built.
beforeAll(async () => {
  await execa('npm', ['run', 'build']);
});

/** Numbers of the line that starts with `title`, in their order. */
async function runExample(name: string): Promise<(title: string) => number[]> {
  const { stdout } = await execa('node', [`examples/${name}.mjs`]);
  return (title) => {
    const line = stdout.split('\n').find((one) => one.startsWith(`${title}:`)) ?? '';
    return (line.slice(title.length).match(/\d+(\.\d+)?/g) ?? []).map(Number);
  };
}

test('an adapter teaches a CNN inverted pictures; off, the CNN reads as before, and merged it reads as adapted', async () => {
  const line = await runExample('adapt-a-cnn');
  const [known, scanned] = line('base');
  expect(known).toBeGreaterThan(90);
  expect(scanned).toBeLessThan(30);
  expect(line('adapter on')[1]).toBeGreaterThan(60);
  expect(line('adapter off')).toEqual(line('base'));
  expect(line('merged')).toEqual(line('adapter on'));
});

test('two adapters on a model of two inputs each serve their country, and mixed they lie between', async () => {
  const line = await runExample('two-inputs');
  const [base] = line('base');
  expect(line('adapter north')[0]).toBeLessThan(base! / 2);
  expect(line('adapter south')[1]).toBeLessThan(base! / 2);
  expect(line('adapter north')[1]).toBeGreaterThan(base!);
  const [mixed] = line('half of each');
  expect(mixed).toBeGreaterThan(line('adapter north')[0]!);
  expect(mixed).toBeLessThan(line('adapter south')[0]!);
  expect(line('no adapter')).toEqual(line('base'));
});

test('a regression model learns a new building from 60 days, and its adapter survives files and merging', async () => {
  const line = await runExample('regression');
  expect(line('adapted')[1]).toBeLessThan(line('base')[1]! / 3);
  expect(line('base, untouched')).toEqual(line('base'));
  expect(line('loaded and merged')).toEqual(line('adapted'));
});

test('fine-tuning in a program removes errors on the target digits and adds none on the others', async () => {
  const line = await runExample('fine-tune-digits');
  const [targetBefore, targetAfter] = line('target');
  const [otherBefore, otherAfter] = line('other');
  expect(targetAfter).toBeLessThan(0.85 * targetBefore!);
  expect(otherAfter).toBeLessThan(otherBefore!);
  expect(line('kept step')[0]).toBeGreaterThan(0);
});
