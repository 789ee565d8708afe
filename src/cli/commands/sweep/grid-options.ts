import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import type { Configuration, Grid } from '../../../sweep/index.ts';
import type { CliContext } from '../../context.ts';
import { optionText } from '../../options/parsers.ts';
import { addFinetuneCommand } from '../finetune/command.ts';

/** The options of `finetune` that take a list in `sweep`, and the settings that they vary. */
const SETTINGS = {
  rank: 'rank',
  alpha: 'alpha',
  method: 'method',
  targets: 'targets',
  targetWeights: 'targetWeights',
  exclude: 'exclude',
  bias: 'bias',
  init: 'init',
  rslora: 'rslora',
  dora: 'dora',
  dropout: 'dropout',
  rankPattern: 'rankPattern',
  alphaPattern: 'alphaPattern',
  modulesToSave: 'modulesToSave',
  steps: 'steps',
  batchSize: 'batchSize',
  replay: 'replay',
  lr: 'learningRate',
  optimizer: 'optimizer',
  schedule: 'schedule',
  warmup: 'warmup',
  lrEvery: 'lrEvery',
  lrFactor: 'lrFactor',
  clipNorm: 'clipNorm',
  checkEvery: 'checkEvery',
  patience: 'patience',
  validation: 'validation',
} as const satisfies Record<string, keyof Configuration>;

/** Options whose single value may contain commas. */
const WITH_COMMAS = new Set([
  'targets',
  'targetWeights',
  'exclude',
  'modulesToSave',
  'rankPattern',
  'alphaPattern',
]);

/** The options of `finetune` that a sweep varies, each taking a list of values. */
export function gridOptions(context: CliContext): Option[] {
  const program = new Command();
  addFinetuneCommand(program, context);
  return program.commands[0]!.options.filter((option) => option.attributeName() in SETTINGS).map((option) =>
    listOption(option),
  );
}

/** The grid that the options describe. */
export function gridFrom(options: Readonly<Record<string, unknown>>): Grid {
  const lists = Object.entries(SETTINGS).flatMap(([attribute, setting]) =>
    options[attribute] === undefined ? [] : [[setting, options[attribute]]],
  );
  // Reports list the default like those of the other options.
  const targets = options.targetWeights === undefined ? { targets: ['all'] } : {};
  return { ...targets, ...Object.fromEntries(lists) } as Grid;
}

function listOption(single: Option): Option {
  const separator = WITH_COMMAS.has(single.attributeName()) ? ';' : ',';
  const isFlag = !single.required;
  const list = new Option(`${single.long} <list>`, describe(single, separator, isFlag)).argParser(
    (text: string) => text.split(separator).map((part) => parse(single, part.trim(), isFlag)),
  );
  if (single.helpGroupHeading) list.helpGroup(single.helpGroupHeading);
  if (single.defaultValue === undefined) return list as unknown as Option;
  return list.default([single.defaultValue], optionText(single.defaultValue)) as unknown as Option;
}

function describe({ description, argChoices }: Option, separator: string, isFlag: boolean): string {
  if (isFlag) return `${description}; true, false or both`;
  const choices = argChoices ? ` (${argChoices.join(', ')})` : '';
  return separator === ';' ? `${description}; values separated by ';'` : `${description}${choices}`;
}

function parse(single: Option, text: string, isFlag: boolean): unknown {
  if (text === '') throw new InvalidArgumentError('It has an empty value.');
  if (!isFlag) return single.parseArg ? single.parseArg(text, undefined as never) : text;
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('It must be true, false or both.');
  return text === 'true';
}
