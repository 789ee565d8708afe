import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { contentHash } from '../../../content-hash.ts';
import { defaultClassNames } from '../../../data/index.ts';
import { CheckpointError, UsageError } from '../../../errors.ts';
import { jsonText, readJson } from '../../../files/index.ts';
import { loraLayers, loraSummary } from '../../../lora/index.ts';
import { mnistNormalization } from '../../../models/index.ts';
import { loadPeft } from '../../../peft/index.ts';
import { displayPath, manifestHeader } from '../../../recipes/index.ts';
import { openRun, type Run, type RunManifest, saveRun } from '../../../runs/index.ts';
import { readSafetensors } from '../../../safetensors/index.ts';
import { formatCount } from '../../../text/index.ts';
import { assignStateDict, digitsNetFrom } from '../../../torch/index.ts';
import type { CliContext } from '../../context.ts';
import { useTensorFlow } from '../../environment.ts';
import { withNewRun } from '../../new-run.ts';
import type { ImportOptions } from './command.ts';

interface Imported {
  readonly base: tf.LayersModel;
  readonly adapted?: tf.LayersModel;
}

/** Makes a run of what another library saved. */
export async function importSource(
  given: string,
  options: ImportOptions,
  context: CliContext,
): Promise<void> {
  const source = resolve(context.cwd, given);
  const isAdapter = statSync(source, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isAdapter && options.into === undefined) {
    throw new UsageError(
      'invalid-argument',
      `${given}: is a folder, as adapters are; name the base with --into RUN`,
    );
  }
  if (isAdapter && options.prefix !== '') {
    throw new UsageError(
      'invalid-argument',
      `--prefix ${options.prefix}: is for a state dict; leave it out for an adapter`,
    );
  }
  if (!isAdapter && options.anyBase) {
    throw new UsageError('invalid-argument', '--any-base: is for an adapter; leave it out for weights');
  }
  const tensorflow = await useTensorFlow(options, context);
  const run = options.into === undefined ? undefined : await openRun(options.into, context.cwd);
  const imported = isAdapter
    ? await adapterOn(run!, source, options, context)
    : { base: await weightsFrom(source, run, options, context) };
  await withNewRun(options, 'import', context, async (writer) => {
    const hash = contentHash(imported.base);
    const adapter = imported.adapted && adapterFacts(imported.adapted);
    const folder = await saveRun(writer, {
      ...imported,
      manifest: {
        ...manifestHeader('import', tensorflow),
        status: 'complete',
        options: { source, ...options },
        seed: run?.manifest.seed ?? 0,
        contentHash: hash,
        classNames:
          run?.manifest.classNames ?? defaultClassNames(imported.base.outputs[0]!.shape.at(-1) ?? 1),
        normalization: normalizationOf(run, options),
        ...(isAdapter && { derivedFrom: { folder: run!.folder, contentHash: run!.manifest.contentHash } }),
        adapter,
      },
    });
    const saved = displayPath(folder, context.cwd);
    const values = imported.base.countParams();
    context.print(
      options.json
        ? jsonText({ run: saved, contentHash: hash, parameters: values, adapter })
        : `imported ${given}: ${formatCount(values)} values, content ${hash.slice(0, 12)}` +
            (adapter ? `, adapter of rank ${adapter.rank} and alpha ${adapter.alpha}` : ''),
    );
    context.note(`saved in ${saved}`);
  });
}

async function adapterOn(
  { base }: Run,
  folder: string,
  { anyBase }: ImportOptions,
  context: CliContext,
): Promise<Imported> {
  const onWarning = (message: string) => context.note(`warning: ${message}`);
  return { base, adapted: await loadPeft(base, folder, { anyBase, onWarning }) };
}

async function weightsFrom(
  source: string,
  run: Run | undefined,
  { architecture, prefix, head }: ImportOptions,
  context: CliContext,
): Promise<tf.LayersModel> {
  const { tensors } = await readSafetensors(source);
  if (!run && architecture === undefined) return digitsNetFrom(tensors, head, { source, prefix });
  const model = run?.base ?? (await modelOf(resolve(context.cwd, architecture!)));
  assignStateDict(model, tensors, { source, prefix });
  return model;
}

/** A model of a topology, with weights at random. */
async function modelOf(path: string): Promise<tf.LayersModel> {
  const json = (await readJson(path)) as tf.io.ModelJSON & Record<string, unknown>;
  const topology = (json?.modelTopology ?? json) as Record<string, unknown> | undefined;
  if (!topology || !['class_name', 'className', 'model_config'].some((key) => key in topology)) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: does not describe a LayersModel; name a model.json of tfjs`,
    );
  }
  try {
    return await tf.models.modelFromJSON(topology as never);
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0]!.slice(0, 200);
    throw new CheckpointError('invalid-checkpoint', `${path}: cannot be made a LayersModel: ${reason}`, {
      cause: error,
    });
  }
}

function adapterFacts(adapted: tf.LayersModel): NonNullable<RunManifest['adapter']> {
  const [first] = loraSummary(adapted).layers.filter(({ rank }) => rank > 0);
  return {
    method: loraLayers(adapted)[0]!.layer.method,
    rank: first!.rank,
    alpha: first!.alpha,
    strength: 1,
  };
}

function normalizationOf(run: Run | undefined, { mean, std }: ImportOptions): RunManifest['normalization'] {
  const usual = run?.manifest.normalization ?? mnistNormalization;
  return { mean: mean ?? usual.mean, std: std ?? usual.std };
}
