import { z } from 'zod';
import { CheckpointError } from '../errors.ts';
import { firstFault } from '../files/index.ts';

/** Type of adapters that PEFT has no form for; PEFT refuses to load it, which is better than to load it wrongly. */
export const OWN_TYPE = 'TFJS_LORA';

/** Where the values of these keys say how an adapter was made, not what it computes. */
const WITHOUT_MEANING = [
  'auto_mapping',
  'base_model_name_or_path',
  'ensure_weight_tying',
  'eva_config',
  'fan_in_fan_out',
  'inference_mode',
  'megatron_core',
  'peft_version',
  'qalora_group_size',
  'revision',
  'runtime_config',
  'task_type',
];

/** Parts of PEFT that change what an adapter computes and have no form here. */
const UNSUPPORTED = [
  'alora_invocation_tokens',
  'arrow_config',
  'corda_config',
  'kasa_config',
  'layer_replication',
  'layers_pattern',
  'layers_to_transform',
  'loftq_config',
  'lora_bias',
  'lora_ga_config',
  'megatron_config',
  'monteclora_config',
  'target_parameters',
  'trainable_token_indices',
  'use_bdlora',
  'use_qalora',
  'velora_config',
];

/** Ways to start that leave the base as it is; the others (pissa, olora, corda, loftq, lora_ga) change its weights. */
const KEEPS_BASE = [true, false, 'gaussian', 'eva', 'orthogonal'];

const modules = z.union([z.string(), z.array(z.string())]);
const positive = z.number().positive();
const rank = z.int().min(1);

const schema = z.looseObject({
  peft_type: z.enum(['LORA', OWN_TYPE]),
  r: rank,
  lora_alpha: positive,
  target_modules: modules,
  exclude_modules: modules.nullish(),
  rank_pattern: z.record(z.string(), rank).nullish(),
  alpha_pattern: z.record(z.string(), positive).nullish(),
  modules_to_save: z.array(z.string()).nullish(),
  bias: z.enum(['none', 'lora_only', 'all']).default('none'),
  use_rslora: z.boolean().default(false),
  use_dora: z.boolean().default(false),
  lora_dropout: z.number().min(0).lt(1).default(0),
  init_lora_weights: z.union([z.boolean(), z.string()]).default(true),
});

/** The part of `adapter_config.json` that says what an adapter computes. */
export type PeftConfig = z.infer<typeof schema>;

/**
 * Checks the content of an `adapter_config.json` (PEFT 0.21, `LoraConfig`).
 *
 * @returns the configuration and the keys that neither PEFT nor this library is known to have
 * @throws CheckpointError naming what is missing, wrong, or has no form here
 */
export function parsePeftConfig(
  source: string,
  content: unknown,
): { config: PeftConfig; unknownKeys: readonly string[] } {
  const result = schema.safeParse(content);
  if (!result.success) {
    throw new CheckpointError('invalid-checkpoint', `${source}: ${firstFault(result.error)}`);
  }
  const config = result.data;
  const set = UNSUPPORTED.filter((key) => isSet(config[key]));
  if (set.length > 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: ${set.join(', ')} ${set.length > 1 ? 'are' : 'is'} set, which has no form here; the adapter would compute something else`,
    );
  }
  if (!KEEPS_BASE.includes(config.init_lora_weights)) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: init_lora_weights '${config.init_lora_weights}' changes the base; save it in PEFT with path_initial_model_for_weight_conversion`,
    );
  }
  const known = new Set([...Object.keys(schema.shape), ...WITHOUT_MEANING, ...UNSUPPORTED]);
  return { config, unknownKeys: Object.keys(config).filter((key) => !known.has(key)) };
}

function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}
