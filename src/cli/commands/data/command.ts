import { type Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { UsageError } from '../../../errors.ts';
import type { CliContext } from '../../context.ts';
import { integer, labels, number } from '../../options/parsers.ts';
import { addSettings, optionGroup, shared } from '../../options/shared.ts';
import type { WriteSetOptions } from './run.ts';

/** Adds `data`, `data check`, `data subset` and `data import`. */
export function addDataCommand(program: CommandUnknownOpts, context: CliContext): void {
  const data = program
    .command('data')
    .description('show the data set that the other commands use; validate or create a data set')
    .enablePositionalOptions()
    .addOption(shared.data())
    .addOption(shared.adjust())
    .addOption(shared.json());
  addSettings(data).action(async (options) => {
    const { showData } = await import('./run.ts');
    await showData(options, context);
  });
  addCheckCommand(data, context);
  addSubsetCommand(data, context);
  addImportCommand(data, context);
}

function addCheckCommand(data: CommandUnknownOpts, context: CliContext): void {
  data
    .command('check')
    .description('validate a data set and report all problems; exit code 3 if it cannot be used')
    .argument('<path>', 'folder with IDX files, CSV file or .npz file')
    .addOption(shared.adjust())
    .addOption(shared.json())
    .action(async (directory, options) => {
      const { checkData } = await import('./run.ts');
      await checkData(directory, options, context);
    });
}

function addSubsetCommand(data: Command, context: CliContext): void {
  const command = data
    .command('subset')
    .description('write a random subset of a data set as IDX files')
    .addOption(shared.data())
    .addOption(shared.adjust())
    .addOption(
      new Option('--digits <list>', 'labels to keep, such as 2,3,5 or 2-5 (default: all)').argParser(labels),
    )
    .addOption(
      new Option('--count <n>', 'training images per label; all if there are fewer (default: all)').argParser(
        integer(1),
      ),
    )
    .addOption(
      new Option(
        '--test-count <n>',
        'test images per label; all if there are fewer (default: all)',
      ).argParser(integer(1)),
    );
  addWriteSetOptions(command).action(async (options) => {
    const { writeSubset } = await import('./run.ts');
    await writeSubset({ ...options, out: requireOut(options) }, context);
  });
}

function addImportCommand(data: Command, context: CliContext): void {
  const command = data
    .command('import')
    .description(
      'write IDX files from PNG files in folders named by label (7/photo.png), a CSV file or an .npz file',
    )
    .argument(
      '<source>',
      'folder that contains the folders 0, 1, ..., CSV file of labels and pixels, or .npz file',
    )
    .addOption(
      new Option(
        '--test-fraction <fraction>',
        'fraction of each label that becomes the test set, if the source has none',
      )
        .argParser(number(0.01, 0.99))
        .default(0.2),
    )
    .addOption(
      new Option('--size <pixels>', 'height and width of the images').argParser(integer(8, 512)).default(28),
    );
  addWriteSetOptions(command).action(async (directory, options) => {
    const { importData } = await import('./run.ts');
    await importData(directory, { ...options, out: requireOut(options) }, context);
  });
}

const addWriteSetOptions = optionGroup<Omit<WriteSetOptions, 'out'> & Partial<Pick<WriteSetOptions, 'out'>>>(
  () => [
    shared.seed('the random choice of images'),
    new Option('--gzip', 'compress the files'),
    new Option('--overwrite', 'replace IDX files in --out'),
    new Option('--out <dir>', 'folder for the new files; required'),
    shared.json(),
  ],
);

/** A mandatory option of commander cannot be set in a file, because it is checked before the file is read. */
function requireOut({ out }: Partial<Pick<WriteSetOptions, 'out'>>): string {
  if (out !== undefined) return out;
  throw new UsageError('invalid-argument', '--out is missing; name the folder for the new files');
}
