import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CheckpointError, UsageError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import { mergeLora } from '../../../lora/index.ts';
import { savePeft } from '../../../peft/index.ts';
import { displayPath } from '../../../recipes/index.ts';
import { openRun, type Run } from '../../../runs/index.ts';
import { writeSafetensors } from '../../../safetensors/index.ts';
import { formatCount } from '../../../text/index.ts';
import { toStateDict } from '../../../torch/index.ts';
import type { CliContext } from '../../context.ts';
import { useTensorFlow } from '../../environment.ts';
import type { ExportOptions } from './command.ts';

/** Writes what PyTorch or PEFT loads. */
export async function exportRun(path: string, options: ExportOptions, context: CliContext): Promise<void> {
  const { out, adapter, overwrite } = options;
  if (out === undefined) {
    throw new UsageError(
      'invalid-argument',
      `--out is missing; name the ${adapter ? 'folder' : 'safetensors file'} to write`,
    );
  }
  const target = resolve(context.cwd, out);
  await refuseTaken(target, out, { adapter, overwrite });
  await useTensorFlow(options, context);
  const run = await openRun(path, context.cwd);
  if (adapter) await exportAdapter(path, run, target, options, context);
  else await exportWeights(run, target, options, context);
}

async function exportAdapter(
  path: string,
  { manifest, model }: Run,
  target: string,
  { json }: ExportOptions,
  context: CliContext,
): Promise<void> {
  if (!manifest.adapter)
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: has no adapter; inject one, or export the weights`,
    );
  await savePeft(model, target, { peftOnly: true, baseHash: manifest.contentHash });
  const folder = displayPath(target, context.cwd);
  const { strength } = manifest.adapter;
  if (strength !== 1) {
    context.note(`note: the run has its adapter at strength ${strength}; PEFT loads it at full strength`);
  }
  context.print(
    json
      ? jsonText({ adapter: folder, base: manifest.contentHash })
      : `wrote the adapter for PEFT to ${folder}; its base has content ${manifest.contentHash.slice(0, 12)}`,
  );
}

async function exportWeights(
  { manifest, model, base }: Run,
  target: string,
  options: ExportOptions,
  context: CliContext,
): Promise<void> {
  const folded = manifest.adapter !== undefined && !options.base;
  const tensors = toStateDict(folded ? mergeLora(model) : base);
  await writeSafetensors(target, tensors, new Map([['format', 'pt']]));
  const file = displayPath(target, context.cwd);
  const shapes = Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));
  const values = Object.values(shapes).reduce(
    (sum, shape) => sum + shape.reduce((size, n) => size * n, 1),
    0,
  );
  context.print(
    options.json
      ? jsonText({ file, adapterFoldedIn: folded, tensors: shapes })
      : `wrote ${tensors.size} tensors of ${formatCount(values)} values to ${file}` +
          (folded ? ', the adapter folded in' : ''),
  );
}

async function refuseTaken(
  target: string,
  out: string,
  { adapter, overwrite }: Pick<ExportOptions, 'adapter' | 'overwrite'>,
): Promise<void> {
  if (!existsSync(target)) return;
  const entries = adapter ? await readdir(target).catch(() => undefined) : undefined;
  if (entries?.length === 0) return;
  if (entries && !entries.includes('adapter_config.json')) {
    throw new UsageError(
      'invalid-argument',
      `--out ${out}: holds files that are no adapter; name another folder`,
    );
  }
  if (overwrite) return;
  throw new UsageError(
    'invalid-argument',
    `--out ${out}: is there already; add --overwrite or give another name`,
  );
}
