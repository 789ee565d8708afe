import { z } from 'zod';
import { CheckpointError } from '../errors.ts';
import { firstFault } from '../files/index.ts';
import type { AdapterTensor } from '../lora/index.ts';
import type { SafeTensor } from '../safetensors/index.ts';
import type { AdapterFiles, StoredAdapter } from './attach.ts';
import type { PeftModule } from './modules.ts';
import { exactPattern, exactTargets } from './patterns.ts';
import { takeTensor } from './tensors.ts';

/** The file in which mlx-lm saves an adapter's weights; its configuration has the same name as PEFT's. */
export const MLX_WEIGHTS_FILE = 'adapters.safetensors';

const schema = z.looseObject({
  fine_tune_type: z.string().default('lora'),
  lora_parameters: z.looseObject({
    /** Multiplies A·B directly, not divided by the rank. */
    scale: z.number().positive(),
    dropout: z.number().min(0).lt(1).default(0),
  }),
});

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
  const { type, scale, dropout } = parseMlxConfig(files.configPath, content);
  const ranks = ranksOf(weightsPath, tensors, modules);
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
  const { fine_tune_type: type, lora_parameters: parameters } = result.data;
  if (type !== 'lora' && type !== 'dora') {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${configPath}: unsupported fine_tune_type '${type}'; expected lora or dora`,
    );
  }
  return { type, scale: parameters.scale, dropout: parameters.dropout };
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
    `${weightsPath}: no lora_a for any layer of the model; its layers are ${modules.map(({ path }) => path).join(', ')}`,
  );
}
