import { jsonText } from '../../../files/index.ts';
import { loraCost } from '../../../lora/index.ts';
import { formatCount, formatPercent } from '../../../text/index.ts';
import type { CliContext } from '../../context.ts';
import type { InspectOptions } from './command.ts';

/** Prints what an adapter of some rank costs for a kernel of some shape; pure arithmetic, without TensorFlow. */
export function inspectShape(
  [inputs, outputs]: NonNullable<InspectOptions['shape']>,
  { rank, json }: Pick<InspectOptions, 'rank' | 'json'>,
  context: CliContext,
): void {
  const cost = loraCost({ inputs, outputs, rank });
  if (json) {
    const document = { format: 'tfjs-lora cost', formatVersion: 1, inputs, outputs, rank };
    context.print(jsonText({ ...document, ...cost }));
    return;
  }
  const share = `${formatPercent(cost.share)} %`;
  context.print(
    [
      `kernel ${inputs} x ${outputs}, rank ${rank}: A ${inputs} x ${rank}, B ${rank} x ${outputs}`,
      `trainable parameters  ${formatCount(cost.loraParameters)} instead of ${formatCount(cost.kernelParameters)} = ${share}`,
      `memory                ${formatCount(cost.loraBytes)} bytes beside the kernel's ${formatCount(cost.kernelBytes)}`,
      `Adam's moments        ${formatCount(cost.loraAdamBytes)} bytes instead of ${formatCount(cost.kernelAdamBytes)}`,
      `multiply-adds         ${formatCount(cost.loraMultiplyAdds)} beside the kernel's ${formatCount(cost.kernelMultiplyAdds)} for each example; none once merged`,
      `merging               ${formatCount(cost.mergeMultiplyAdds)} multiply-adds, once`,
    ].join('\n'),
  );
}
