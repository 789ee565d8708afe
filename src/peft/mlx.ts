import { z } from 'zod';
import { CheckpointError } from '../errors.ts';
import { firstFault } from '../files/index.ts';
import { float32Values, type SafeTensor } from '../safetensors/index.ts';
import { byPath, exactly, type StoredAdapter } from './attach.ts';
import type { PeftModule } from './modules.ts';

/** The file in which mlx-lm keeps an adapter's weights. */
export const MLX_WEIGHTS_FILE = 'adapters.safetensors';

const schema = z.looseObject({
  fine_tune_type: z.string().default('lora'),
  lora_parameters: z.looseObject({
    /** Multiplies A·B as it is. */
    scale: z.number().positive(),
    dropout: z.number().min(0).lt(1).default(0),
  }),
});

/** How mlx-lm calls the parts of an adapter; all lie as they do in tfjs. */
const NAMES: Readonly<Record<string, string>> = { lora_A: 'lora_a', lora_B: 'lora_b', lora_magnitude: 'm' };

/**
 * An adapter as mlx-lm writes it (github.com/ml-explore/mlx-lm, `mlx_lm/tuner`): `<module>.lora_a` [in, rank],
 * `.lora_b` [rank, out], for DoRA `.m` [out], and the scale itself in the configuration. mlx has its channels last,
 * so flattened features are in tfjs' order.
 *
 * @throws CheckpointError when the configuration is not one of LoRA or DoRA, or no layer has the names in the file
 */
export function readMlxAdapter(
  adapter: string,
  configPath: string,
  content: unknown,
  source: string,
  tensors: ReadonlyMap<string, SafeTensor>,
  modules: readonly PeftModule[],
): StoredAdapter {
  const result = schema.safeParse(content);
  if (!result.success) {
    throw new CheckpointError('invalid-checkpoint', `${configPath}: ${firstFault(result.error)}`);
  }
  const { fine_tune_type: type, lora_parameters: parameters } = result.data;
  if (type !== 'lora' && type !== 'dora') {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${configPath}: fine_tune_type is '${type}'; only lora and dora are adapters`,
    );
  }
  const targets = modules.flatMap((module) => {
    const rank = tensors.get(`${module.path}.lora_a`)?.shape[1];
    return rank === undefined ? [] : [[module, rank] as const];
  });
  if (targets.length === 0) {
    const names = modules.map(({ path }) => path).join(', ');
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: has no lora_a for any layer of the model, which has ${names}`,
    );
  }
  return {
    adapter,
    configPath,
    source,
    tensors,
    lora: {
      targets: exactly(targets.map(([module]) => module)),
      rank: targets[0]![1],
      rankPattern: byPath(targets),
      alpha: parameters.scale,
      alphaPattern: byPath(targets.map(([module, rank]) => [module, parameters.scale * rank])),
      dropout: parameters.dropout,
      dora: type === 'dora',
    },
    take: ({ path }, shapes, left) =>
      new Map(
        [...shapes].map(([part, shape]) => {
          const name = `${path}.${NAMES[part]}`;
          const tensor = left.get(name);
          if (!tensor)
            throw new CheckpointError(
              'invalid-checkpoint',
              `${source}: lacks ${name}, which layer '${path}' needs`,
            );
          left.delete(name);
          if (String(tensor.shape) !== String(shape)) {
            throw new CheckpointError(
              'invalid-checkpoint',
              `${source}: ${name} has shape [${tensor.shape}], its layer needs [${shape}]; the adapter belongs to another model`,
            );
          }
          return [part, { shape, values: float32Values(`${source}: ${name}`, tensor) }];
        }),
      ),
  };
}
