import { z } from 'zod';
import { CheckpointError, UsageError } from '../errors.ts';
import { firstFault } from '../files/index.ts';
import { MAX_ALPHA } from '../lora/index.ts';
import { quote } from '../text/index.ts';

/** `peft_type` of adapters that PEFT cannot represent, so that PEFT refuses them instead of loading them wrongly. */
export const TFJS_LORA_TYPE = 'TFJS_LORA';

/** Keys of PEFT's configuration that do not affect what an adapter computes. */
const INFORMATIONAL = [
  'auto_mapping',
  'base_model_name_or_path',
  'ensure_weight_tying',
  'eva_config',
  'fan_in_fan_out',
  'inference_mode',
  'megatron_core',
  'merge_weights',
  'peft_version',
  'qalora_group_size',
  'revision',
  'runtime_config',
  'task_type',
];

/** Keys that change what an adapter computes in ways that are not implemented here. */
const UNSUPPORTED = [
  'alora_invocation_tokens',
  'arrow_config',
  'corda_config',
  'enable_lora',
  'kasa_config',
  'layer_replication',
  'loftq_config',
  'lora_bias',
  'lora_ga_config',
  'megatron_config',
  'monteclora_config',
  'trainable_token_indices',
  'use_bdlora',
  'use_qalora',
  'velora_config',
];

/** Values of `init_lora_weights` that leave the base unchanged, unlike pissa, olora, corda, loftq and lora_ga. */
const BASE_PRESERVING_INITS = [true, false, 'gaussian', 'eva', 'orthogonal'];

const modules = z.union([z.string(), z.array(z.string())]);
const alpha = z.number().positive().max(MAX_ALPHA);
const rank = z.int().min(1);

const schema = z.looseObject({
  peft_type: z.enum(['LORA', TFJS_LORA_TYPE]),
  r: rank,
  lora_alpha: alpha,
  target_modules: modules.nullish(),
  target_parameters: z.array(z.string()).nullish(),
  exclude_modules: modules.nullish(),
  layers_to_transform: z.union([z.int(), z.array(z.int())]).nullish(),
  layers_pattern: modules.nullish(),
  rank_pattern: z.record(z.string(), rank).nullish(),
  alpha_pattern: z.record(z.string(), alpha).nullish(),
  modules_to_save: z.array(z.string()).nullish(),
  bias: z.enum(['none', 'lora_only', 'all']).default('none'),
  use_rslora: z.boolean().default(false),
  use_dora: z.boolean().default(false),
  lora_dropout: z.number().min(0).lt(1).default(0),
  init_lora_weights: z.union([z.boolean(), z.string()]).default(true),
});

/** The keys of `adapter_config.json` that determine what an adapter computes. */
export type PeftConfig = z.infer<typeof schema>;

/**
 * Parses the content of an `adapter_config.json` (PEFT 0.21, `LoraConfig`).
 *
 * @param configPath names the file in errors
 * @returns the configuration, and the keys that neither PEFT nor this library defines
 * @throws CheckpointError if a value is missing, invalid or not supported
 */
export function parsePeftConfig(
  configPath: string,
  content: unknown,
): { config: PeftConfig; unknownKeys: readonly string[] } {
  const result = schema.safeParse(content);
  if (!result.success) {
    throw new CheckpointError('invalid-checkpoint', `${configPath}: ${firstFault(result.error, content)}`);
  }
  const config = result.data;
  const unsupported = UNSUPPORTED.filter((key) => isSet(config[key]));
  if (unsupported.length > 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${configPath}: unsupported options ${unsupported.join(', ')}; they change what the adapter computes`,
    );
  }
  requireLayerOptions(configPath, config);
  if (!BASE_PRESERVING_INITS.includes(config.init_lora_weights)) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${configPath}: init_lora_weights ${quote(config.init_lora_weights)} changes the base; save the adapter in PEFT with path_initial_model_for_weight_conversion`,
    );
  }
  const known = new Set([...Object.keys(schema.shape), ...INFORMATIONAL, ...UNSUPPORTED]);
  return { config, unknownKeys: Object.keys(config).filter((key) => !known.has(key)) };
}

/** @throws CheckpointError if PEFT would reject the combination */
function requireLayerOptions(configPath: string, config: PeftConfig): void {
  if (!isSet(config.target_modules) && !isSet(config.target_parameters)) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${configPath}: selects no layers; set target_modules or target_parameters`,
    );
  }
  const [indices, pattern] = [config.layers_to_transform, config.layers_pattern].map(isSet);
  if (indices && typeof config.target_modules === 'string') {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${configPath}: layers_to_transform needs a list in target_modules (${quote(config.target_modules)})`,
    );
  }
  if (pattern && !indices) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${configPath}: layers_pattern needs layers_to_transform`,
    );
  }
}

/** Reports a UsageError about a LoRA option as a CheckpointError, for options that come from a file. */
export function withConfigErrors<T>(source: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new CheckpointError('invalid-checkpoint', `${source}: ${error.message}`, { cause: error });
  }
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}
