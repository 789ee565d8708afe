import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { integer } from '../../options/parsers.ts';
import { addSettings, shared } from '../../options/shared.ts';

/** `play [RUN]`: a web page on which users draw digits and fine-tune a run on their handwriting. */
export function addPlayCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('play')
    .description(
      'open a page in the browser: draw digits, teach the model your handwriting, and save the adapter',
    )
    .argument('[run]', 'run folder (default: runs/pretrain, which is trained first if it does not exist)')
    .addOption(
      new Option(
        '--port <n>',
        'port on 127.0.0.1, 0 for any that is free (default: the first free one from 4750)',
      ).argParser(integer(0, 65_535)),
    )
    .addOption(new Option('--open', 'open the page in the default browser'))
    .addOption(
      new Option(
        '--out <dir>',
        'write the page as static files for any web server, instead of serving it',
      ).conflicts(['port', 'open']),
    )
    .addOption(shared.data())
    .addOption(shared.adjust())
    .addOption(shared.device());
  addSettings(command).action(async (run, options) => {
    const { runPlay } = await import('./run.ts');
    await runPlay(run, options, context);
  });
}
