import { jsonText } from '../../files/json.ts';
import { loraCost } from '../../lora/cost.ts';
import { count, percent } from '../../report/format.ts';
import type { InspectOptions } from '../commands/inspect.ts';
import type { CliContext } from '../context.ts';

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
  const share = `${percent(cost.share)} %`;
  context.print(
    [
      `kernel ${inputs} x ${outputs}, rank ${rank}: A ${inputs} x ${rank}, B ${rank} x ${outputs}`,
      `trainable parameters  ${count(cost.loraParameters)} instead of ${count(cost.kernelParameters)} = ${share}`,
      `memory                ${count(cost.loraBytes)} bytes beside the kernel's ${count(cost.kernelBytes)}`,
      `Adam's moments        ${count(cost.loraAdamBytes)} bytes instead of ${count(cost.kernelAdamBytes)}`,
      `multiply-adds         ${count(cost.loraMultiplyAdds)} beside the kernel's ${count(cost.kernelMultiplyAdds)} for each example; none once merged`,
      `merging               ${count(cost.mergeMultiplyAdds)} multiply-adds, once`,
    ].join('\n'),
  );
}
