import { UsageError } from '../errors.ts';
import type { ResolvedLoraConfig } from './config.ts';

/** The rank of an adapter on one layer, and the sides of the layer's kernel as a matrix. */
export interface LayerRank {
  readonly path: string;
  readonly rank: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** Most values of one factor: 1 GiB of float32. Larger ones take minutes to initialize, so they are a mistyped rank. */
const MAX_VALUES = 2 ** 28;

/** Layers that one warning names. */
const MAX_NAMED = 10;

/** Returns the largest rank that a product A·B can have: the smaller side of the kernel. */
export function usableRank({ inputs, outputs }: Pick<LayerRank, 'inputs' | 'outputs'>): number {
  return Math.min(inputs, outputs);
}

/**
 * Checks what an initialization needs of a rank. Without such a need any rank is allowed, as in PEFT: A·B is then of
 * lower rank than its factors.
 *
 * @throws UsageError if the initialization cannot fill A and B, or they would be too large for a tensor
 */
export function checkRankFits(layer: LayerRank, { init }: Pick<ResolvedLoraConfig, 'init'>): void {
  const { path, rank, inputs, outputs } = layer;
  const largest = usableRank(layer);
  if (rank * Math.max(inputs, outputs) > MAX_VALUES)
    throw new UsageError(
      'rank-too-large',
      `layer '${path}': rank ${rank} is too large (${inputs} inputs, ${outputs} outputs; A and B may have ${MAX_VALUES} values each); set a lower one`,
    );
  if ((init === 'pissa' || init === 'olora') && rank > largest)
    throw new UsageError(
      'rank-too-large',
      `layer '${path}': init '${init}' needs rank directions of the kernel, which has ${largest} (rank ${rank}; ${inputs} inputs, ${outputs} outputs); set a rank of at most ${largest} for it in rankPattern, or use init 'kaiming'`,
    );
  if (init === 'lora-ga' && 2 * rank > largest)
    throw new UsageError(
      'rank-too-large',
      `layer '${path}': init 'lora-ga' needs 2 * rank singular vectors, and its kernel has ${largest} (rank ${rank}); set a lower rank for it in rankPattern, or use init 'kaiming'`,
    );
  if (init === 'orthogonal' && rank % 2 > 0)
    throw new UsageError(
      'invalid-argument',
      `layer '${path}': init 'orthogonal' needs an even rank (${rank}); set one for it in rankPattern`,
    );
}

/** Returns one line that names the layers whose rank is larger than their product can use; undefined if there is none. */
export function rankWarning(adapter: string, layers: readonly LayerRank[]): string | undefined {
  const excessive = layers.filter((layer) => layer.rank > usableRank(layer));
  if (excessive.length === 0) return undefined;
  const names = excessive
    .slice(0, MAX_NAMED)
    .map((layer) => `'${layer.path}' (rank ${layer.rank}, ${layer.inputs} x ${layer.outputs})`)
    .join(', ');
  const more = excessive.length > MAX_NAMED ? ` and ${excessive.length - MAX_NAMED} more` : '';
  return `adapter '${adapter}': its rank is larger than the smaller side of the kernel at ${names}${more}; a lower rank gives the same updates with fewer parameters`;
}
