import { UsageError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import { exportAdapter, exportWeights } from '../../../recipes/index.ts';
import { formatCount } from '../../../text/index.ts';
import type { CliContext } from '../../context.ts';
import { recipeOptions } from '../../environment.ts';
import type { Device } from '../../options/shared.ts';

/** Options of `export`. */
export interface ExportCommandOptions {
  readonly base?: boolean;
  readonly adapter?: boolean;
  readonly device: Device;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

/** Writes the weights or the adapter of a run, and prints what was written. */
export async function runExport(
  run: string,
  options: ExportCommandOptions,
  context: CliContext,
): Promise<void> {
  const { out, adapter, base, overwrite, json } = options;
  if (out === undefined) {
    const target = adapter ? 'folder' : 'safetensors file';
    throw new UsageError('invalid-argument', `--out is missing; name the ${target} to write`);
  }
  const common = { ...recipeOptions(options, context), run, overwrite };
  if (adapter) {
    const baseHash = await exportAdapter({ ...common, folder: out });
    context.print(
      json
        ? jsonText({ adapter: out, base: baseHash })
        : `wrote the adapter for PEFT to ${out}; its base has content hash ${baseHash.slice(0, 12)}`,
    );
    return;
  }
  const { shapes, isMerged } = await exportWeights({ ...common, file: out, base });
  const values = [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((size, n) => size * n, 1), 0);
  const what = `${shapes.size} tensors with ${formatCount(values)} values`;
  context.print(
    json
      ? jsonText({ file: out, adapterMerged: isMerged, tensors: Object.fromEntries(shapes) })
      : `wrote ${what} to ${out}${isMerged ? ', with the adapter merged' : ''}`,
  );
}
