import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { TensorFlowError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import type { CliContext } from '../../context.ts';
import { shared } from '../../options/shared.ts';

/** `doctor`: what this machine can run, tried out, and what to do about what it cannot. */
export function addDoctorCommand(program: CommandUnknownOpts, context: CliContext): void {
  program
    .command('doctor')
    .description(
      'try out what runs here and say what to do about what does not; exit code 6 when --device fails',
    )
    .addOption(shared.device())
    .addOption(shared.data())
    .addOption(shared.json())
    .action(async (options) => {
      const { examine } = await import('./run.ts');
      const { renderDoctor } = await import('./render.ts');
      const document = await examine(options, context);
      context.print(options.json ? jsonText(document) : renderDoctor(document));
      const asked = document.devices.find((device) => device.name === options.device);
      if (asked && !asked.works)
        throw new TensorFlowError(
          'tensorflow-failed',
          `--device ${asked.name} does not work: ${asked.detail}`,
        );
    });
}
