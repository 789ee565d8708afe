import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UsageError } from '../../../errors.ts';
import { jsonText, recoverFolder } from '../../../files/index.ts';
import { loraSummary } from '../../../lora/index.ts';
import type { Head } from '../../../models/index.ts';
import {
  displayPath,
  importAdapter,
  importModel,
  importWeights,
  type NewRun,
} from '../../../recipes/index.ts';
import { formatCount } from '../../../text/index.ts';
import type { CliContext } from '../../context.ts';
import { recipeOptions, saveOptions } from '../../environment.ts';
import type { NewRunOptions } from '../../options/shared.ts';

/** Options of `import`. */
export type ImportCommandOptions = NewRunOptions & {
  readonly into?: string;
  readonly architecture?: string;
  readonly prefix: string;
  readonly head: Head;
  readonly mean?: number;
  readonly std?: number;
  readonly anyBase?: boolean;
  readonly data?: string;
};

/** Makes a run from a file of weights or a folder with an adapter, and prints where it is. */
export async function runImport(
  source: string,
  options: ImportCommandOptions,
  context: CliContext,
): Promise<void> {
  const { folder, base, model, manifest, dispose } = await importSource(source, options, context);
  const parameters = base.countParams();
  const { contentHash, adapter } = manifest;
  const layers = adapter ? loraSummary(model).layers.filter(({ rank }) => rank > 0) : [];
  dispose();
  const saved = displayPath(folder!, context.cwd);
  const adapterText = adapter
    ? `, adapter of rank ${range(layers.map(({ rank }) => rank))} and alpha ${range(layers.map(({ alpha }) => alpha))}`
    : '';
  context.print(
    options.json
      ? jsonText({
          run: saved,
          contentHash,
          parameters,
          adapter,
          ...(adapter && { layers: layers.map(({ path, rank, alpha }) => ({ path, rank, alpha })) }),
        })
      : `imported ${source}: ${formatCount(parameters)} parameters, content hash ${contentHash.slice(0, 12)}${adapterText}`,
  );
  context.note(`saved in ${saved}`);
}

/** The lowest and the highest value: '2 to 8', or '4' if all are equal. */
function range(values: readonly number[]): string {
  const [lowest, highest] = [Math.min(...values), Math.max(...values)];
  return lowest === highest ? `${lowest}` : `${lowest} to ${highest}`;
}

async function importSource(
  source: string,
  options: ImportCommandOptions,
  context: CliContext,
): Promise<NewRun> {
  const { into, architecture, prefix, head, anyBase, mean, std } = options;
  const path = resolve(context.cwd, source);
  await recoverFolder(path);
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  const isAdapter = isFolder || path.toLowerCase().endsWith('.zip');
  const model = modelJsonOf(path, isFolder);
  if (model !== undefined) return await importModelJson(model, options, context);
  if (isAdapter && into === undefined) {
    throw new UsageError(
      'invalid-argument',
      `${source}: is a ${isFolder ? 'folder' : 'zip file'}, so an adapter; choose its base with --into`,
    );
  }
  if (isAdapter && prefix !== '') {
    throw new UsageError('invalid-argument', `--prefix ${prefix}: has no effect for an adapter; omit it`);
  }
  if (!isAdapter && anyBase) {
    throw new UsageError('invalid-argument', '--any-base: has no effect for weights; omit it');
  }
  const common = {
    ...recipeOptions(options, context),
    ...saveOptions(options, 'import'),
    normalization: { ...(mean !== undefined && { mean }), ...(std !== undefined && { std }) },
  };
  return isAdapter
    ? await importAdapter({ ...common, adapter: source, run: into!, anyBase })
    : await importWeights({ ...common, weights: source, run: into, architecture, prefix, head });
}

/** The model.json that a path means: a .json file, or a folder that has one but no adapter. */
function modelJsonOf(path: string, isFolder: boolean): string | undefined {
  if (!isFolder) return path.toLowerCase().endsWith('.json') ? path : undefined;
  const file = join(path, 'model.json');
  return existsSync(file) && !existsSync(join(path, 'adapter_config.json')) ? file : undefined;
}

async function importModelJson(
  model: string,
  options: ImportCommandOptions,
  context: CliContext,
): Promise<NewRun> {
  const { into, architecture, prefix, anyBase, mean, std, data } = options;
  const unused = Object.entries({ into, architecture, prefix: prefix || undefined, 'any-base': anyBase });
  const [name] = unused.find(([, value]) => value !== undefined) ?? [];
  if (name !== undefined) {
    throw new UsageError('invalid-argument', `--${name}: has no effect for a model.json; omit it`);
  }
  return await importModel({
    ...recipeOptions(options, context),
    ...saveOptions(options, 'import'),
    model: displayPath(model, context.cwd),
    data,
    normalization: { ...(mean !== undefined && { mean }), ...(std !== undefined && { std }) },
  });
}
