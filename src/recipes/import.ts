import { resolve } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { defaultClassNames } from '../data/index.ts';
import { loraLayers, loraSummary } from '../lora/index.ts';
import { type Head, mnistNormalization, type Normalization } from '../models/index.ts';
import { loadPeft } from '../peft/index.ts';
import { modelFromTopology, openRun, type Run, type RunManifest, saveRun } from '../runs/index.ts';
import { readSafetensors } from '../safetensors/index.ts';
import type { LoadedTensorFlow } from '../tensorflow/index.ts';
import { assignStateDict, digitsNetFrom } from '../torch/index.ts';
import { asLogits } from './as-logits.ts';
import { type NewRun, newRun } from './derive.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import { checkRecipeOptions, type RecipeOptions, SAVE, type SaveOptions } from './options.ts';
import { manifestHeader, withRunWriter } from './save.ts';
import { withScope } from './scope.ts';

/** Options of `importWeights`. */
export interface ImportWeightsOptions extends Omit<RecipeOptions, 'data'>, SaveOptions {
  /** A safetensors file with the state dict of a PyTorch model. */
  readonly weights: string;
  /** Folder of a run whose model gets the weights. Default: a DigitsNet. */
  readonly run?: string;
  /** The model.json of a LayersModel that gets the weights. Ignored if `run` is set. */
  readonly architecture?: string;
  /** Uses only the tensors whose names start with this prefix, and removes it. Default: none. */
  readonly prefix?: string;
  /** Activation of the output of a DigitsNet. Default `relu`. */
  readonly head?: Head;
  /** How the model's inputs were normalized. Default: as in `run`, else as MNIST in the published experiment. */
  readonly normalization?: Partial<Normalization>;
}

/**
 * Makes a run from the weights of a PyTorch model.
 *
 * @throws UsageError if an option is invalid, or the folder is taken
 * @throws CheckpointError if the weights or the architecture cannot be read, or do not fit each other, or the run
 *   cannot be written
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * const run = await importWeights({ weights: 'digits.safetensors', out: 'runs/imported' });
 */
export async function importWeights(options: ImportWeightsOptions): Promise<NewRun> {
  checkRecipeOptions(options, {
    ...SAVE,
    weights: 'string',
    run: 'string?',
    architecture: 'string?',
    prefix: 'string?',
    head: 'string?',
    normalization: 'object?',
  });
  const { weights, run: path, architecture, prefix, head, normalization, overwrite, cwd } = options;
  const recorded = { weights, run: path, architecture, prefix, head, normalization, overwrite };
  return await withRunWriter(options, (writer) =>
    withScope(async (scope) => {
      const tensorflow = await loadRecipeTensorFlow(options);
      const run = path === undefined ? undefined : await openRun(path, cwd);
      if (run && run.model !== run.base) scope.temporary(run.model);
      const base = scope.result(asLogits(await weightedModel(run, options), options.onNotice));
      const manifest = importedManifest(tensorflow, base, run, { options: recorded, normalization });
      const folder = writer && (await saveRun(writer, { manifest, base }));
      return newRun({ folder, manifest, base, model: base });
    }),
  );
}

/** Options of `importAdapter`. */
export interface ImportAdapterOptions extends Omit<RecipeOptions, 'data'>, SaveOptions {
  /** Folder with an adapter of PEFT or mlx-lm, or zip file with one of PEFT. */
  readonly adapter: string;
  /** Folder of the run whose base gets the adapter. */
  readonly run: string;
  /** Whether to load the adapter onto another base than the one it was trained on. Default false. */
  readonly anyBase?: boolean;
  /** How the model's inputs were normalized. Default: as in `run`. */
  readonly normalization?: Partial<Normalization>;
}

/**
 * Makes a run from the base of a run and an adapter of PEFT or mlx-lm.
 *
 * @throws UsageError if an option is invalid, or the folder is taken
 * @throws CheckpointError if the adapter or run cannot be read, they do not fit each other, or the run cannot be written
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * const run = await importAdapter({ adapter: 'my-adapter', run: 'runs/base', out: 'runs/imported' });
 */
export async function importAdapter(options: ImportAdapterOptions): Promise<NewRun> {
  checkRecipeOptions(options, {
    ...SAVE,
    adapter: 'string',
    run: 'string',
    anyBase: 'boolean?',
    normalization: 'object?',
  });
  const { adapter, run: path, anyBase, normalization, overwrite, cwd = process.cwd(), onNotice } = options;
  const recorded = { adapter, run: path, anyBase, normalization, overwrite };
  return await withRunWriter(options, (writer) =>
    withScope(async (scope) => {
      const tensorflow = await loadRecipeTensorFlow(options);
      const run = await openRun(path, cwd);
      if (run.model !== run.base) scope.temporary(run.model);
      const base = scope.result(run.base);
      const onWarning = (message: string) => onNotice?.(`warning: ${message}`);
      const model = scope.result(await loadPeft(base, resolve(cwd, adapter), { anyBase, onWarning }));
      const manifest: RunManifest = {
        ...importedManifest(tensorflow, base, run, { options: recorded, normalization }),
        derivedFrom: { folder: run.folder, contentHash: run.manifest.contentHash },
        adapter: adapterFacts(model),
      };
      const folder = writer && (await saveRun(writer, { manifest, base, adapted: model }));
      return newRun({ folder, manifest, base, model });
    }),
  );
}

export function importedManifest(
  tensorflow: LoadedTensorFlow,
  base: tf.LayersModel,
  run: Run | undefined,
  options: Pick<RunManifest, 'options'> & Pick<ImportWeightsOptions, 'normalization'>,
): RunManifest {
  const classes = base.outputs[0]!.shape.at(-1) ?? 1;
  return {
    ...manifestHeader('import', tensorflow),
    status: 'complete',
    options: options.options,
    seed: run?.manifest.seed ?? 0,
    contentHash: contentHash(base),
    classNames: run?.manifest.classNames ?? defaultClassNames(classes),
    adjust: run?.manifest.adjust,
    normalization: { ...(run?.manifest.normalization ?? mnistNormalization), ...options.normalization },
  };
}

/** The model to import into, with the weights of the state dict. */
async function weightedModel(
  run: Run | undefined,
  { weights, architecture, prefix, head = 'relu', cwd = process.cwd() }: ImportWeightsOptions,
): Promise<tf.LayersModel> {
  const source = resolve(cwd, weights);
  const { tensors } = await readSafetensors(source);
  if (!run && architecture === undefined) return digitsNetFrom(tensors, head, { source, prefix });
  const model = run?.base ?? (await modelFromTopology(resolve(cwd, architecture!)));
  assignStateDict(model, tensors, { source, prefix });
  return model;
}

/** The settings of an adapter, as on its first layer with a low-rank update. */
function adapterFacts(adapted: tf.LayersModel): NonNullable<RunManifest['adapter']> {
  const { rank, alpha } = loraSummary(adapted).layers.find((layer) => layer.rank > 0)!;
  return { method: loraLayers(adapted)[0]!.layer.method, rank, alpha, strength: 1 };
}
