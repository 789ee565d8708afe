import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from '@commander-js/extra-typings';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addGateOptions, gatesFrom } from '../../src/cli/options/gates.ts';
import { UsageError } from '../../src/errors.ts';
import { readPolicy } from '../../src/gates/index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tfjs-lora-policy-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function policy(text: string): string {
  const path = join(folder, 'gates.toml');
  writeFileSync(path, text);
  return path;
}

const parse = (...flags: string[]) =>
  addGateOptions(
    new Command()
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .addOption(new Option('--other')),
  )
    .parse(flags, { from: 'user' })
    .opts();

describe('readPolicy', () => {
  test('reads gates under their names in kebab case', () => {
    const path = policy(
      'min-accuracy = 0.85\nmax-digit-drop = 1\nmax-other-drop = 0.5\nmin-gain = 0.1\nsignificant = true\n[min-digit-accuracy]\n3 = 0.8\n',
    );
    expect(readPolicy(path)).toEqual({
      minAccuracy: 0.85,
      minDigitAccuracy: { 3: 0.8 },
      maxDigitDrop: 1,
      maxOtherDrop: 0.5,
      minGain: 0.1,
      significant: true,
    });
  });

  test.each([
    [
      'an unknown gate',
      'max-drop = 1',
      "gates.toml: unknown gate 'max-drop'; expected one of min-accuracy, min-digit-accuracy, max-digit-drop",
    ],
    ['a percentage for a fraction', 'min-accuracy = 85', 'min-accuracy: must be at most 1 (85)'],
    ['a negative fraction', 'min-accuracy = -0.1', 'min-accuracy: must be at least 0 (-0.1)'],
    ['a gain of more than all points', 'min-gain = 101', 'min-gain: must be at most 100 (101)'],
    ['a text', 'significant = "yes"', 'significant: must be true or false ("yes")'],
    ['a digit with a percentage', '[min-digit-accuracy]\n3 = 80', 'min-digit-accuracy.3: '],
    ['a negative drop', 'max-digit-drop = -1', 'max-digit-drop: '],
    ['a drop of more than all points', 'max-other-drop = 101', 'max-other-drop: '],
    ['a loss of more than all points', 'min-gain = -101', 'min-gain: '],
    [
      'a TOML syntax error',
      'significant = true\nmin-accuracy 0.85',
      'gates.toml: line 2, column 14: invalid TOML: ',
    ],
  ])('throws for %s, naming file and key', (_, text, message) => {
    const read = () => readPolicy(policy(text));
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });

  test('accepts the ends of the ranges', () => {
    const path = (edge: 'least' | 'most') =>
      policy(
        edge === 'least'
          ? 'min-accuracy = 0\nmax-digit-drop = 0\nmax-other-drop = 0\nmin-gain = -100\n'
          : 'min-accuracy = 1\nmax-digit-drop = 100\nmax-other-drop = 100\nmin-gain = 100\n',
      );
    expect(readPolicy(path('least'))).toEqual({
      minAccuracy: 0,
      maxDigitDrop: 0,
      maxOtherDrop: 0,
      minGain: -100,
    });
    expect(readPolicy(path('most'))).toEqual({
      minAccuracy: 1,
      maxDigitDrop: 100,
      maxOtherDrop: 100,
      minGain: 100,
    });
  });

  test('throws if the file does not exist', () => {
    expect(() => readPolicy(join(folder, 'none.toml'))).toThrow('none.toml: cannot be read: no such file');
  });
});

describe('gatesFrom', () => {
  test('reads flags; --min-digit-accuracy may be repeated', async () => {
    const options = parse(
      '--min-digit-accuracy',
      '3=0.8,5=0.9',
      '--min-digit-accuracy',
      '8=0.7',
      '--max-digit-drop',
      '1.5',
    );
    expect(await gatesFrom(options, { cwd: folder })).toEqual({
      minDigitAccuracy: { 3: 0.8, 5: 0.9, 8: 0.7 },
      maxDigitDrop: 1.5,
    });
  });

  test('flags override the policy, gate by gate and digit by digit', async () => {
    policy('min-accuracy = 0.85\nmin-gain = 1\n[min-digit-accuracy]\n3 = 0.8\n5 = 0.9\n');
    const options = parse('--policy', 'gates.toml', '--min-accuracy', '0.5', '--min-digit-accuracy', '3=0.6');
    expect(await gatesFrom(options, { cwd: folder })).toEqual({
      minAccuracy: 0.5,
      minGain: 1,
      minDigitAccuracy: { 3: 0.6, 5: 0.9 },
    });
  });

  test.each([
    ['--min-accuracy', '85'],
    ['--min-digit-accuracy', '3'],
    ['--min-digit-accuracy', '3=80'],
    ['--min-digit-accuracy', '=0.5'],
    ['--min-digit-accuracy', '3=0.5=1'],
    ['--max-digit-drop', '-1'],
    ['--max-digit-drop', 'much'],
  ])('rejects %s %s', (flag, value) => {
    expect(() => parse(flag, value)).toThrow(flag);
  });
});
