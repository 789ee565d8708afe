import { type Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { UsageError } from '../../../errors.ts';
import type { CliContext } from '../../context.ts';
import { integer, number } from '../../options/parsers.ts';
import { addSettings, optionGroup, shared } from '../../options/shared.ts';

/** What the options of commands that write a set give. */
export type WriteSetOptions = {
  readonly seed: number;
  readonly gzip?: boolean;
  readonly overwrite?: boolean;
  readonly out?: string;
  readonly json?: boolean;
};

/** What the options of `data subset` give. */
export type SubsetOptions = WriteSetOptions & {
  readonly data?: string;
  readonly digits?: string;
  readonly count?: number;
  readonly testCount?: number;
};

/** What the options of `data import` give. */
export type ImportOptions = WriteSetOptions & { readonly testShare: number; readonly size: number };

/** `data`, `data check`, `data subset` and `data import`. */
export function addDataCommand(program: CommandUnknownOpts, context: CliContext): void {
  const data = program
    .command('data')
    .description('show the images that commands use; check a folder, or make a set')
    .enablePositionalOptions()
    .addOption(shared.data())
    .addOption(shared.json());
  addSettings(data).action(async (options) => {
    const { showData } = await import('./run.ts');
    await showData(options, context);
  });
  addCheck(data, context);
  addSubset(data, context);
  addImport(data, context);
}

function addCheck(data: CommandUnknownOpts, context: CliContext): void {
  data
    .command('check')
    .description(
      'say all that is wrong or suspicious about the IDX files of a folder; exit code 3 when unusable',
    )
    .argument('<dir>', 'folder with IDX files')
    .addOption(shared.json())
    .action(async (directory, options) => {
      const { checkData } = await import('./run.ts');
      await checkData(directory, options, context);
    });
}

function addSubset(data: Command, context: CliContext): void {
  const command = data
    .command('subset')
    .description('write a smaller set of IDX files, drawn at random from a larger one')
    .addOption(shared.data())
    .addOption(new Option('--digits <list>', 'labels to keep, such as 2,3,5,8,9 (default: all)'))
    .addOption(
      new Option(
        '--count <n>',
        'training images of each label, or all where it has fewer (default: all)',
      ).argParser(integer(1)),
    )
    .addOption(
      new Option(
        '--test-count <n>',
        'test images of each label, or all where it has fewer (default: all)',
      ).argParser(integer(1)),
    );
  addWriteSetOptions(command).action(async (options) => {
    requireOut(options);
    const { writeSubset } = await import('./run.ts');
    await writeSubset(options, context);
  });
}

function addImport(data: Command, context: CliContext): void {
  const command = data
    .command('import')
    .description('write IDX files from PNG pictures in folders named by label, such as 7/one.png')
    .argument('<dir>', 'folder that holds the folders 0, 1, ...')
    .addOption(
      new Option('--test-share <share>', 'share of each label that goes into the test set')
        .argParser(number(0.01, 0.99))
        .default(0.2),
    )
    .addOption(
      new Option('--size <pixels>', 'height and width of the images').argParser(integer(8, 512)).default(28),
    );
  addWriteSetOptions(command).action(async (directory, options) => {
    requireOut(options);
    const { writePictures } = await import('./run.ts');
    await writePictures(directory, options, context);
  });
}

const addWriteSetOptions = optionGroup<WriteSetOptions>(() => [
  shared.seed(),
  new Option('--gzip', 'compress the files'),
  new Option('--overwrite', 'replace IDX files that are in the folder'),
  new Option('--out <dir>', 'folder for the new files'),
  shared.json(),
]);

function requireOut({ out }: WriteSetOptions): void {
  if (!out) throw new UsageError('invalid-argument', '--out: name the folder for the new files');
}
