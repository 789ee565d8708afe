import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CliContext } from '../context.ts';
import { addCompareCommand } from './compare.ts';
import { addDataCommand } from './data.ts';
import { addPredictCommand } from './predict.ts';
import { addPretrainCommand } from './pretrain.ts';

/** Adds every command, in the order in which `--help` lists them. */
export function addCommands(program: CommandUnknownOpts, context: CliContext): void {
  addPretrainCommand(program, context);
  addCompareCommand(program, context);
  addDataCommand(program, context);
  addPredictCommand(program, context);
}
