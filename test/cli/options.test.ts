import { describe, expect, test } from 'vitest';
import { runCommand, sh } from '../helpers/command.ts';

/** The values that a command gets for its options, by name. */
async function valuesOf(argv: readonly string[]): Promise<Record<string, unknown>> {
  const { code, out } = await runCommand('.', [...argv, '--print-config', '--json']);
  expect(code).toBe(0);
  const { options } = JSON.parse(out) as { options: Record<string, { value: unknown }> };
  return Object.fromEntries(Object.entries(options).map(([name, { value }]) => [name, value]));
}

describe('lists are parsed on the command line', () => {
  test('labels are numbers in ascending order', async () => {
    expect(await valuesOf(sh`finetune run --digits ${'9,2, 3'}`)).toMatchObject({ digits: [2, 3, 9] });
  });

  test('layers are all, names or a regular expression', async () => {
    const argv = sh`inject-lora run --targets ${'conv1, conv2'} --exclude /dense.*/`;
    expect(await valuesOf(argv)).toMatchObject({ targets: ['conv1', 'conv2'], exclude: '/dense.*/' });
    expect(await valuesOf(sh`inject-lora run`)).toMatchObject({
      targets: null,
      'target-weights': null,
      exclude: null,
    });
    expect(await valuesOf(sh`finetune run --target-weights lstm.kernel`)).toMatchObject({
      'target-weights': ['lstm.kernel'],
    });
  });

  test('numbers by name are collected over repeated options', async () => {
    expect(await valuesOf(sh`inject-lora run --rank-pattern a=1,b=2 --rank-pattern b=3`)).toMatchObject({
      'rank-pattern': { a: 1, b: 3 },
    });
    expect(await valuesOf(sh`eval run --min-digit-accuracy 3=0.8 --min-digit-accuracy 5=0`)).toMatchObject({
      'min-digit-accuracy': { 3: 0.8, 5: 0 },
    });
  });

  test('rows are numbers and ranges in the order given', async () => {
    expect(await valuesOf(sh`predict x --rows ${'7, 0-2,2'}`)).toMatchObject({ rows: [7, 0, 1, 2, 2] });
  });

  test('report files are collected over repeated options', async () => {
    expect(await valuesOf(sh`eval run --report a.md,b.html --report c.xml`)).toMatchObject({
      report: ['a.md', 'b.html', 'c.xml'],
    });
  });
});

test.each([
  [
    sh`predict x --rows ${'1,'}`,
    /--rows .*row numbers or ranges separated by commas, such as 0,5,10-19 \(invalid: ''\)/,
  ],
  [sh`predict x --rows=-1`, /--rows .*invalid: '-1'/],
  [sh`predict x --rows 1.5`, /--rows .*invalid: '1.5'/],
  [sh`predict x --rows 3-1`, /--rows .*invalid: '3-1'/],
  [sh`predict x --rows 0-999999999`, /--rows .*at most 1000000 numbers/],
  [sh`finetune x --digits 2,2`, /--digits .*2 is listed twice/],
  [sh`finetune x --digits two`, /--digits .*'two' is not a label/],
  [sh`finetune x --rank 0`, /--rank .*a whole number of at least 1/],
  [sh`finetune x --rank 1.5`, /--rank .*a whole number of at least 1/],
  [sh`finetune x --alpha 0`, /--alpha .*a number above 0/],
  [sh`finetune x --dropout 1`, /--dropout .*a number from 0 to 0.99/],
  [sh`finetune x --steps 100000001`, /--steps .*from 1 to 100000000/],
  [sh`finetune x --targets ${'a,,b'}`, /--targets .*'all', layer names separated by commas/],
  [sh`finetune x --targets ${'/(/'}`, /--targets .*Invalid regular expression/],
  [sh`finetune x --rank-pattern a=0`, /--rank-pattern .*numbers above 0, such as 'linear1=4,linear3=1'/],
  [sh`finetune x --rank-pattern a`, /--rank-pattern .*numbers above 0/],
  [sh`finetune x --rank-pattern a=Infinity`, /--rank-pattern .*numbers above 0/],
  [sh`finetune x --init magic`, /--init .*kaiming, gaussian, .*lora-ga/],
  [sh`eval x --min-digit-accuracy 3=1.1`, /--min-digit-accuracy .*accuracies from 0 to 1/],
  [sh`eval x --report r.doc`, /--report .*must end in .txt, .json, .md, .xml, .html/],
  [sh`pretrain --steps 5 --epochs 1`, /'--epochs <n>' cannot be used with option '--steps/],
  [sh`inspect --shape 300`, /--shape .*such as 300x200/],
  [sh`inspect --shape 0x3`, /--shape .*such as 300x200/],
])('%j is invalid', async (argv, message) => {
  const { code, out, err } = await runCommand('.', argv);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(message);
});
