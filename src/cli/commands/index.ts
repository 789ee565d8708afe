import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CliContext } from '../context.ts';

/** Adds every command, in the order in which `--help` lists them. */
export function addCommands(_program: CommandUnknownOpts, _context: CliContext): void {}
