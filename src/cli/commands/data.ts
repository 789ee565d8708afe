import { resolve } from 'node:path';
import { type Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { DataError, UsageError } from '../../errors.ts';
import type { ImageDataset } from '../../mnist-data-loader/index.ts';
import type { CliContext } from '../context.ts';
import { integer, number, shared } from '../options/shared.ts';

/** `data`, `data check`, `data subset` and `data import`. */
export function addDataCommand(program: CommandUnknownOpts, context: CliContext): void {
  const data = program
    .command('data')
    .description('show the images that commands use; check a folder, or make a set')
    .enablePositionalOptions()
    .addOption(shared.data())
    .addOption(shared.json())
    .addOption(shared.quiet())
    .addOption(shared.config())
    .addOption(shared.printConfig())
    .action(async (options) => {
      const { loadFolder, dataDocument, renderData } = await import('../output/data-document.ts');
      const folder = await loadFolder(options.data, context.cwd);
      if (folder.errors[0]) throw folder.errors[0];
      const document = dataDocument(folder);
      context.print(options.json ? JSON.stringify(document, null, 2) : renderData(document));
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
      const { loadFolder, dataDocument, dataFindings, renderData } = await import(
        '../output/data-document.ts'
      );
      const folder = await loadFolder(directory, context.cwd);
      const document = { ...dataDocument(folder), ...dataFindings(folder) };
      context.print(options.json ? JSON.stringify(document, null, 2) : renderData(document));
      if (document.errors.length > 0) {
        const problems = document.errors.length === 1 ? '1 problem' : `${document.errors.length} problems`;
        throw new DataError(`${directory}: cannot be used (${problems}, see above)`);
      }
    });
}

function addSubset(data: Command, context: CliContext): void {
  data
    .command('subset')
    .description('write a smaller set of IDX files, drawn at random from a larger one')
    .addOption(shared.data())
    .addOption(new Option('--digits <list>', 'labels to keep, such as 2,3,5,8,9 (default: all)'))
    .addOption(
      new Option('--count <n>', 'training images of each label (default: all)').argParser(integer(1)),
    )
    .addOption(
      new Option('--test-count <n>', 'test images of each label (default: all)').argParser(integer(1)),
    )
    .addOption(shared.seed())
    .addOption(new Option('--gzip', 'compress the files'))
    .addOption(new Option('--overwrite', 'replace IDX files that are in the folder'))
    .option('--out <dir>', 'folder for the new files')
    .addOption(shared.json())
    .action(async (options) => {
      requireOut(options);
      const { loadMnist, parseLabels, subsetOf } = await import('../../mnist-data-loader/index.ts');
      const whole = await loadMnist({ directory: options.data, cwd: context.cwd });
      const labels =
        options.digits === undefined ? undefined : parseLabels(options.digits, whole.train.classes);
      const draw = { labels, seed: options.seed };
      const train = subsetOf(whole.train, { ...draw, perClass: options.count });
      const test = subsetOf(whole.test, { ...draw, perClass: options.testCount });
      if (train.count === 0 || test.count === 0) {
        throw new DataError(
          `${whole.directory}: has no ${train.count === 0 ? 'training' : 'test'} image of label ${options.digits}; choose others`,
        );
      }
      await writeAndShow({ train, test }, options, context);
    });
}

function addImport(data: Command, context: CliContext): void {
  data
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
    )
    .addOption(shared.seed())
    .addOption(new Option('--gzip', 'compress the files'))
    .addOption(new Option('--overwrite', 'replace IDX files that are in the folder'))
    .option('--out <dir>', 'folder for the new files')
    .addOption(shared.json())
    .action(async (directory, options) => {
      requireOut(options);
      const { selectRows, splitRows } = await import('../../mnist-data-loader/index.ts');
      const { importPictures } = await import('../../pictures/index.ts');
      const whole = await importPictures(resolve(context.cwd, directory), {
        height: options.size,
        width: options.size,
      });
      const { kept, heldOut } = splitRows(whole, { share: options.testShare, seed: options.seed });
      if (kept.length === 0 || heldOut.length === 0) {
        throw new DataError(
          `${directory}: ${whole.count} pictures make ${kept.length} to train on and ${heldOut.length} to test; add pictures or change --test-share`,
        );
      }
      const sets = { train: selectRows(whole, kept), test: selectRows(whole, heldOut) };
      await writeAndShow(sets, options, context);
    });
}

interface WriteOptions {
  readonly out?: string;
  readonly gzip?: true;
  readonly overwrite?: true;
  readonly json?: true;
}

function requireOut({ out }: WriteOptions): void {
  if (!out) throw new UsageError('--out: name the folder for the new files');
}

async function writeAndShow(
  sets: { train: ImageDataset; test: ImageDataset },
  options: WriteOptions,
  context: CliContext,
): Promise<void> {
  const { writeMnist } = await import('../../mnist-data-loader/index.ts');
  const { loadFolder, dataDocument, renderData } = await import('../output/data-document.ts');
  const out = resolve(context.cwd, options.out!);
  await writeMnist(out, sets, options);
  const document = dataDocument(await loadFolder(out, context.cwd));
  context.print(options.json ? JSON.stringify(document, null, 2) : renderData(document));
}
