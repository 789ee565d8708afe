import { UsageError } from '../errors.ts';
import { checkRank } from './config.ts';

/** What a kernel and its low-rank update take; see `loraCost`. */
export interface LoraCost {
  /** inputs · outputs */
  readonly kernelParameters: number;
  /** rank · (inputs + outputs) */
  readonly loraParameters: number;
  /** loraParameters / kernelParameters */
  readonly share: number;
  /** Float32 bytes of kernel, and of A and B. */
  readonly kernelBytes: number;
  readonly loraBytes: number;
  /** Float32 bytes of Adam's two moments: for the whole kernel, and for A and B. */
  readonly kernelAdamBytes: number;
  readonly loraAdamBytes: number;
  /** Multiply-adds for one example: x·W alone, and what x·A·B adds to it until merged. */
  readonly kernelMultiplyAdds: number;
  readonly loraMultiplyAdds: number;
  /** Multiply-adds of A·B, which merging and method 'weight' need. */
  readonly mergeMultiplyAdds: number;
}

/**
 * What low rank saves for a kernel of any shape (Hu et al. 2021, arXiv:2106.09685, section 4.2); for a
 * convolution `inputs` is height · width · channels of its window, and multiply-adds are per output position.
 *
 * @throws UsageError unless all three are whole numbers from 1 up and the rank fits
 */
export function loraCost(shape: { inputs: number; outputs: number; rank: number }): LoraCost {
  const { inputs, outputs, rank } = shape;
  for (const [name, value] of Object.entries(shape)) checkRank(name, value);
  if (rank > Math.min(inputs, outputs))
    throw new UsageError(
      'invalid-argument',
      `rank is ${rank}; for ${inputs} x ${outputs} it can be at most ${Math.min(inputs, outputs)}`,
    );
  const kernelParameters = inputs * outputs;
  const loraParameters = rank * (inputs + outputs);
  return {
    kernelParameters,
    loraParameters,
    share: loraParameters / kernelParameters,
    kernelBytes: 4 * kernelParameters,
    loraBytes: 4 * loraParameters,
    kernelAdamBytes: 8 * kernelParameters,
    loraAdamBytes: 8 * loraParameters,
    kernelMultiplyAdds: kernelParameters,
    loraMultiplyAdds: loraParameters,
    mergeMultiplyAdds: kernelParameters * rank,
  };
}
