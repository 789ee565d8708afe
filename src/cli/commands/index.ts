import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CliContext } from '../context.ts';
import { addDataCommand } from './data.ts';

/** Adds every command, in the order in which `--help` lists them. */
export function addCommands(program: CommandUnknownOpts, context: CliContext): void {
  addDataCommand(program, context);
}
