import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { Gates } from '../../gates/index.ts';
import type { CliContext } from '../context.ts';
import { number } from './parsers.ts';
import { optionGroup } from './shared.ts';

/** What the options of `addGateOptions` give. */
export type GateOptions = Gates & { readonly policy?: string };

/** Adds the gates: bounds that make the command end with exit code 10 when results do not keep them. */
export const addGateOptions = optionGroup<GateOptions>(() => [
  new Option('--min-accuracy <fraction>', 'gate: total accuracy, 0 to 1').argParser(number(0, 1)),
  new Option(
    '--min-digit-accuracy <d=a>',
    'gate: accuracy of a digit, such as 3=0.8; may be repeated',
  ).argParser(classAccuracies),
  new Option('--max-digit-drop <points>', 'gate: largest drop of any one digit').argParser(number(0, 100)),
  new Option('--max-other-drop <points>', 'gate: largest drop of the other digits together').argParser(
    number(0, 100),
  ),
  new Option('--min-gain <points>', 'gate: least gain of total accuracy').argParser(number(-100, 100)),
  new Option('--significant', 'gates count only changes beyond noise (exact McNemar, Holm)'),
  new Option('--policy <file>', 'TOML file with gates; flags win'),
]);

/** The gates that flags and the policy file set; flags win. */
export async function gatesFrom(options: GateOptions, context: Pick<CliContext, 'cwd'>): Promise<Gates> {
  const { minAccuracy, minDigitAccuracy, maxDigitDrop, maxOtherDrop, minGain, significant } = options;
  const flags = { minAccuracy, minDigitAccuracy, maxDigitDrop, maxOtherDrop, minGain, significant };
  if (options.policy === undefined) return flags;
  const { readPolicy } = await import('../../gates/index.ts');
  const policy = readPolicy(resolve(context.cwd, options.policy));
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  return {
    ...policy,
    ...given,
    ...((policy.minDigitAccuracy || minDigitAccuracy) && {
      minDigitAccuracy: { ...policy.minDigitAccuracy, ...minDigitAccuracy },
    }),
  };
}

/** '3=0.8,5=0.9' -> { 3: 0.8, 5: 0.9 }; a repeated flag adds. */
function classAccuracies(text: string, previous: Record<string, number> = {}): Record<string, number> {
  const added = { ...previous };
  for (const part of text.split(',')) {
    const [name, value, ...rest] = part.split('=');
    const accuracy = Number(value);
    const valid = name?.trim() && value?.trim() && rest.length === 0 && accuracy >= 0 && accuracy <= 1;
    if (!valid)
      throw new InvalidArgumentError("It must be a digit and an accuracy from 0 to 1, such as '3=0.8'.");
    added[name!.trim()] = accuracy;
  }
  return added;
}
