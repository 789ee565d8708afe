import { jsonText } from '../../../files/index.ts';
import { loraCost } from '../../../lora/index.ts';
import { formatCount, formatPercent } from '../../../text/index.ts';
import type { CliContext } from '../../context.ts';

/** Options of `inspect --shape`. */
export interface InspectShapeOptions {
  /** Inputs and outputs of the kernel. */
  readonly shape: readonly [inputs: number, outputs: number];
  readonly rank: number;
  readonly json?: boolean;
}

/** Prints what an adapter costs for a kernel: parameters, memory and multiply-adds. */
export function runInspectShape({ shape, rank, json }: InspectShapeOptions, context: CliContext): void {
  const [inputs, outputs] = shape;
  const cost = loraCost({ inputs, outputs, rank });
  if (json) {
    const document = { format: 'tfjs-lora cost', formatVersion: 1, inputs, outputs, rank };
    context.print(jsonText({ ...document, ...cost }));
    return;
  }
  const lines = [
    `kernel ${inputs} x ${outputs}, rank ${rank}: A ${inputs} x ${rank}, B ${rank} x ${outputs}`,
    `trainable parameters  ${formatCount(cost.loraParameters)} instead of ${formatCount(cost.kernelParameters)} = ${formatPercent(cost.share)} %`,
    `memory                ${formatCount(cost.loraBytes)} bytes in addition to the kernel's ${formatCount(cost.kernelBytes)}`,
    `Adam's moments        ${formatCount(cost.loraAdamBytes)} bytes instead of ${formatCount(cost.kernelAdamBytes)}`,
    `multiply-adds         ${formatCount(cost.loraMultiplyAdds)} per example in addition to the kernel's ${formatCount(cost.kernelMultiplyAdds)}; none after merging`,
    `merging               ${formatCount(cost.mergeMultiplyAdds)} multiply-adds, once`,
  ];
  context.print(lines.join('\n'));
}
