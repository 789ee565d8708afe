import { resolve } from 'node:path';
import { type Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { DataError, UsageError } from '../../errors.ts';
import type { CliContext } from '../context.ts';
import { integer, shared } from '../options.ts';

/** `data`, `data check` and `data subset`. */
export function addDataCommand(program: CommandUnknownOpts, context: CliContext): void {
  const data = program
    .command('data')
    .description('show the images that commands use; check a folder, or make a smaller set')
    .enablePositionalOptions()
    .addOption(shared.data())
    .addOption(shared.json())
    .addOption(shared.quiet())
    .addOption(shared.config())
    .addOption(shared.printConfig())
    .action(async (options) => {
      const { loadFolder, dataDocument, renderData } = await import('../data-document.ts');
      const folder = await loadFolder(options.data, context.cwd);
      if (folder.errors[0]) throw folder.errors[0];
      const document = dataDocument(folder);
      context.print(options.json ? JSON.stringify(document, null, 2) : renderData(document));
    });
  addCheck(data, context);
  addSubset(data, context);
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
      const { loadFolder, dataDocument, dataFindings, renderData } = await import('../data-document.ts');
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
    .addOption(shared.seed().default(0))
    .addOption(new Option('--gzip', 'compress the files'))
    .addOption(new Option('--overwrite', 'replace IDX files that are in the folder'))
    .option('--out <dir>', 'folder for the new files')
    .addOption(shared.json())
    .action(async (options) => {
      const { loadMnist, parseLabels, subsetOf, writeMnist } = await import(
        '../../mnist-data-loader/index.ts'
      );
      const { loadFolder, dataDocument, renderData } = await import('../data-document.ts');
      if (!options.out) throw new UsageError('--out: name the folder for the new files');
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
      const out = resolve(context.cwd, options.out);
      await writeMnist(out, { train, test }, options);
      const document = dataDocument(await loadFolder(out, context.cwd));
      context.print(options.json ? JSON.stringify(document, null, 2) : renderData(document));
    });
}
