import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import type { CliContext } from '../context.ts';
import { addCompareCommand } from './compare/command.ts';
import { addDataCommand } from './data/command.ts';
import { addDoctorCommand } from './doctor/command.ts';
import { addEvalCommand } from './eval/command.ts';
import { addExportCommand } from './export/command.ts';
import { addFinetuneCommand } from './finetune/command.ts';
import { addImportCommand } from './import/command.ts';
import { addInjectLoraCommand } from './inject-lora/command.ts';
import { addInspectCommand } from './inspect/command.ts';
import { addMergeCommand } from './merge/command.ts';
import { addPlayCommand } from './play/command.ts';
import { addPredictCommand } from './predict/command.ts';
import { addPretrainCommand } from './pretrain/command.ts';
import { addSetupCommand } from './setup/command.ts';
import { addSweepCommand } from './sweep/command.ts';
import { addVerifyCommand } from './verify/command.ts';
import { addWorkerCommand } from './worker/command.ts';

/** Adds every command, in the order in which `--help` lists them. */
export function addCommands(program: CommandUnknownOpts, context: CliContext): void {
  addPretrainCommand(program, context);
  addInjectLoraCommand(program, context);
  addFinetuneCommand(program, context);
  addSweepCommand(program, context);
  addWorkerCommand(program, context);
  addEvalCommand(program, context);
  addCompareCommand(program, context);
  addPredictCommand(program, context);
  addPlayCommand(program, context);
  addMergeCommand(program, context);
  addInspectCommand(program, context);
  addVerifyCommand(program, context);
  addImportCommand(program, context);
  addExportCommand(program, context);
  addDataCommand(program, context);
  addDoctorCommand(program, context);
  addSetupCommand(program, context);
}
