import { resolve } from 'node:path';
import { Option } from '@commander-js/extra-typings';
import type { Gates } from '../../gates/index.ts';
import type { CliContext } from '../context.ts';
import { number, numbersByName } from './parsers.ts';
import { optionGroup, under } from './shared.ts';

/** Values of the options that `addGateOptions` adds. */
export type GateOptions = Gates & { readonly policy?: string };

/** Adds the gates: limits that make the command exit with code 10 if the results do not meet them. */
export const addGateOptions = optionGroup<GateOptions>(() =>
  under('Gates (exit code 10 if one is not met):', [
    new Option('--min-accuracy <fraction>', 'lowest total accuracy, 0 to 1').argParser(number(0, 1)),
    new Option(
      '--min-digit-accuracy <digit=accuracy>',
      'lowest accuracy of a digit, such as 3=0.8; repeatable',
    ).argParser(
      numbersByName(
        (value) => value >= 0 && value <= 1,
        "digits with accuracies from 0 to 1, such as '3=0.8'",
      ),
    ),
    new Option(
      '--max-digit-drop <points>',
      'largest accuracy drop of any digit, in percentage points',
    ).argParser(number(0, 100)),
    new Option(
      '--max-other-drop <points>',
      'largest accuracy drop of the other digits together, in percentage points',
    ).argParser(number(0, 100)),
    new Option('--min-gain <points>', 'smallest gain of total accuracy, in percentage points').argParser(
      number(-100, 100),
    ),
    new Option(
      '--significant',
      'ignore changes that are not significant (exact McNemar test, Holm correction)',
    ),
    new Option('--policy <file>', 'TOML file with gates; options take precedence'),
  ]),
);

/** The gates of the options and of the policy file; options take precedence. */
export async function gatesFrom(options: GateOptions, context: Pick<CliContext, 'cwd'>): Promise<Gates> {
  const { minAccuracy, minDigitAccuracy, maxDigitDrop, maxOtherDrop, minGain, significant } = options;
  if (options.policy === undefined)
    return { minAccuracy, minDigitAccuracy, maxDigitDrop, maxOtherDrop, minGain, significant };
  const { readPolicy } = await import('../../gates/index.ts');
  const policy = readPolicy(resolve(context.cwd, options.policy));
  return {
    minAccuracy: minAccuracy ?? policy.minAccuracy,
    minDigitAccuracy: (policy.minDigitAccuracy || minDigitAccuracy) && {
      ...policy.minDigitAccuracy,
      ...minDigitAccuracy,
    },
    maxDigitDrop: maxDigitDrop ?? policy.maxDigitDrop,
    maxOtherDrop: maxOtherDrop ?? policy.maxOtherDrop,
    minGain: minGain ?? policy.minGain,
    significant: significant ?? policy.significant,
  };
}
