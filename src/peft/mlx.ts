import { z } from 'zod';
import { CheckpointError } from '../errors.ts';
import { firstFault } from '../files/index.ts';
import type { AdapterTensor } from '../lora/index.ts';
import type { SafeTensor } from '../safetensors/index.ts';
import { listNames, quote } from '../text/index.ts';
import type { AdapterFiles, StoredAdapter } from './attach.ts';
import type { PeftModule } from './modules.ts';
import { exactPattern, exactTargets } from './patterns.ts';
import { layerList } from './targets.ts';
import { takeTensor } from './tensors.ts';

/** The file in which mlx-lm saves an adapter's weights; its configuration has the same name as PEFT's. */
export const MLX_WEIGHTS_FILE = 'adapters.safetensors';

/** So that alpha = scale * rank is at most `MAX_ALPHA` up to a rank of 1,000. */
const MAX_SCALE = 1e6;

const schema = z.looseObject({
  fine_tune_type: z.string().nullish(),
  /** Before `fine_tune_type`. */
  use_dora: z.boolean().nullish(),
  lora_parameters: z.looseObject({
    /** Multiplies A·B directly, not divided by the rank. */
    scale: z.number().positive().max(MAX_SCALE),
    dropout: z.number().min(0).lt(1).default(0),
    /** Used by versions before June 2024 only. */
    alpha: z.number().nullish(),
    rank: z.number().nullish(),
  }),
});

/** Keys that do not affect what an adapter computes: mlx-lm saves all arguments of its training program. */
const INFORMATIONAL = new Set(
  (
    'adapter_file adapter_path batch_size clear_cache_threshold config data grad_accumulation_steps grad_checkpoint ' +
    'hf_dataset iters learning_rate lora_layers lr_schedule mask_prompt max_seq_length model model_type num_layers ' +
    'optimizer optimizer_config project_name prompt_feature completion_feature report_to resume_adapter_file save_every ' +
    'seed steps_per_eval steps_per_report test test_batches train val_batches wandb trust_remote_code chat_feature ' +
    'text_feature'
  ).split(' '),
);

/** mlx-lm's names of the tensors of an adapter, by those of `readAdapter`. */
const NAMES: Readonly<Record<string, string>> = { lora_A: 'lora_a', lora_B: 'lora_b', lora_magnitude: 'm' };

/**
 * Reads an adapter of mlx-lm (github.com/ml-explore/mlx-lm, `mlx_lm/tuner`): `<module>.lora_a` [in, rank],
 * `<module>.lora_b` [rank, out], and for DoRA `<module>.m` [out]. Layouts are those of tfjs: mlx has channels last
 * too, so flattened features have the same order.
 *
 * @param content the parsed configuration
 * @param tensors the content of the weights file; F32, F64, F16 or BF16
 * @throws CheckpointError if the configuration is invalid or not of LoRA or DoRA, or no tensor belongs to a layer
 */
export function readMlxAdapter(
  files: AdapterFiles,
  content: unknown,
  tensors: ReadonlyMap<string, SafeTensor>,
  modules: readonly PeftModule[],
): StoredAdapter {
  const { weightsPath } = files;
  const { type, scale, dropout, unknownKeys } = parseMlxConfig(files.configPath, content);
  if (unknownKeys.length > 0)
    files.onWarning(`${files.configPath}: ignored unknown keys ${listNames(unknownKeys)}`);
  const ranks = ranksOf(weightsPath, tensors, modules);
  const embedding = ranks.find(([module]) => type === 'dora' && module.className === 'Embedding')?.[0];
  if (embedding)
    throw new CheckpointError(
      'invalid-checkpoint',
      `${weightsPath}: DoRA of the embedding ${quote(embedding.path)} is not supported; mlx-lm scales its rows, PEFT and this library its columns`,
    );
  return {
    ...files,
    tensors,
    modules,
    lora: {
      targets: exactTargets(ranks.map(([module]) => module)),
      rank: ranks[0]![1],
      rankPattern: exactPattern(ranks),
      alpha: scale,
      alphaPattern: exactPattern(ranks.map(([module, rank]) => [module, scale * rank])),
      dropout,
      dora: type === 'dora',
    },
    takeTensors({ path }, shapes, remaining) {
      const taken = new Map<string, AdapterTensor>();
      for (const [part, shape] of shapes) {
        const name = `${path}.${NAMES[part]}`;
        taken.set(part, { shape, values: takeTensor(weightsPath, { name, shape, path }, remaining) });
      }
      return taken;
    },
  };
}

function parseMlxConfig(configPath: string, content: unknown) {
  const result = schema.safeParse(content);
  if (!result.success) {
    throw new CheckpointError('invalid-checkpoint', `${configPath}: ${firstFault(result.error, content)}`);
  }
  const { fine_tune_type: storedType, use_dora: usesDora, lora_parameters: parameters } = result.data;
  const type = storedType ?? (usesDora ? 'dora' : 'lora');
  if (type !== 'lora' && type !== 'dora') {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${configPath}: unsupported fine_tune_type ${quote(type)}; expected lora or dora`,
    );
  }
  checkAlpha(configPath, result.data);
  const unknownKeys = [
    ...Object.keys(result.data).filter((key) => !INFORMATIONAL.has(key) && !Object.hasOwn(schema.shape, key)),
    ...Object.keys(parameters)
      .filter((key) => !['keys', ...Object.keys(schema.shape.lora_parameters.shape)].includes(key))
      .map((key) => `lora_parameters.${key}`),
  ];
  return { type, scale: parameters.scale, dropout: parameters.dropout, unknownKeys };
}

/**
 * Until June 2024, mlx-lm multiplied A·B by scale * alpha / rank; later versions kept `alpha` in their configurations
 * until April 2025, but did not use it. Those since the end of 2024 are known by `fine_tune_type` and `num_layers`.
 *
 * @throws CheckpointError if the configuration can be of either kind
 */
function checkAlpha(configPath: string, config: z.infer<typeof schema>): void {
  const { scale, alpha, rank } = config.lora_parameters;
  const ignoresAlpha = typeof config.fine_tune_type === 'string' || config.num_layers !== undefined;
  if (typeof alpha !== 'number' || alpha === rank || ignoresAlpha) return;
  const factor = rank ? ` = ${(scale * alpha) / rank}` : '';
  throw new CheckpointError(
    'invalid-checkpoint',
    `${configPath}: lora_parameters has alpha ${alpha} and scale ${scale}, and is of 2024: mlx-lm used the factor scale * alpha / rank${factor} until June 2024, and scale = ${scale} since then; set "scale" to the right one and remove "alpha"`,
  );
}

/** The modules that the file has a `lora_a` [in, rank] for, each with its rank; the configuration's rank is not used. */
function ranksOf(
  weightsPath: string,
  tensors: ReadonlyMap<string, SafeTensor>,
  modules: readonly PeftModule[],
): (readonly [PeftModule, number])[] {
  const ranks = modules.flatMap((module) => {
    const rank = tensors.get(`${module.path}.lora_a`)?.shape[1];
    return rank === undefined ? [] : [[module, rank] as const];
  });
  if (ranks.length > 0) return ranks;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${weightsPath}: no lora_a for any layer; ${layerList(modules)}; the file has ${listNames([...tensors.keys()], 3)}`,
  );
}
