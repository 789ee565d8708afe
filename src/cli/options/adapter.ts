import { type Command, InvalidArgumentError, Option, type OptionValues } from '@commander-js/extra-typings';
import type { LoraConfig } from '../../lora/config.ts';
import { integer, number, positive } from './shared.ts';

/** What the options of `addAdapterOptions` give. */
export type AdapterOptions = {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: string;
  readonly exclude?: string;
  readonly method: 'side' | 'weight' | 'weight-view';
  readonly bias: 'none' | 'lora-only' | 'all';
  readonly init: 'kaiming' | 'gaussian' | 'normal' | 'orthogonal' | 'pissa' | 'olora' | 'lora-ga';
  readonly rslora?: boolean;
  readonly dora?: boolean;
  readonly dropout: number;
  readonly rankPattern?: Readonly<Record<string, number>>;
  readonly alphaPattern?: Readonly<Record<string, number>>;
  readonly modulesToSave?: string;
};

/** Adds the options that say how a model is adapted, in PEFT's terms. */
export function addAdapterOptions<
  Args extends unknown[],
  Options extends OptionValues,
  Globals extends OptionValues,
>(command: Command<Args, Options, Globals>): Command<Args, Options & AdapterOptions, Globals> {
  const extended = command
    .addOption(new Option('--rank <n>', 'rank of the update').argParser(integer(1)).default(2))
    .addOption(
      new Option('--alpha <n>', 'the update is scaled by alpha / rank').argParser(positive).default(1),
    )
    .addOption(
      new Option(
        '--targets <layers>',
        "layers to adapt: 'all', names with commas, or /a regular expression/",
      ).default('all'),
    )
    .addOption(new Option('--exclude <layers>', 'layers to leave alone, written as --targets'))
    .addOption(
      new Option('--method <name>', 'beside the layer, in its weight, or as the published reshape of it')
        .choices(['side', 'weight', 'weight-view'] as const)
        .default('side' as const),
    )
    .addOption(
      new Option('--bias <which>', 'biases to train besides')
        .choices(['none', 'lora-only', 'all'] as const)
        .default('none' as const),
    )
    .addOption(
      new Option('--init <name>', "how A and B start; 'lora-ga' needs data, so finetune has it alone")
        .choices(['kaiming', 'gaussian', 'normal', 'orthogonal', 'pissa', 'olora', 'lora-ga'] as const)
        .default('kaiming' as const),
    )
    .addOption(new Option('--rslora', 'scale by alpha / sqrt(rank)'))
    .addOption(new Option('--dora', "train the weight's magnitude apart from its direction"))
    .addOption(
      new Option('--dropout <share>', 'share of inputs that A does not see while training')
        .argParser(number(0, 0.99))
        .default(0),
    )
    .addOption(new Option('--rank-pattern <layer=n,...>', 'ranks of single layers').argParser(pattern))
    .addOption(new Option('--alpha-pattern <layer=n,...>', 'alphas of single layers').argParser(pattern))
    .addOption(new Option('--modules-to-save <layers>', 'layers to train whole, written as --targets'));
  // Named here, because the inferred type is a nest of one level an option.
  return extended as unknown as Command<Args, Options & AdapterOptions, Globals>;
}

/** The adapter that the options describe. */
export function loraConfigFrom(options: AdapterOptions & { readonly seed: number }): LoraConfig {
  const { rank, alpha, method, bias, init, rslora, dora, dropout, rankPattern, alphaPattern, seed } = options;
  return {
    ...{ rank, alpha, method, bias, init, rslora, dora, dropout, rankPattern, alphaPattern, seed },
    targets: layerPattern(options.targets),
    exclude: options.exclude === undefined ? undefined : layerPattern(options.exclude),
    modulesToSave: options.modulesToSave === undefined ? undefined : layerPattern(options.modulesToSave),
  };
}

/** 'all', '/regular expression/' or 'name,name'. */
function layerPattern(text: string): NonNullable<LoraConfig['targets']> {
  if (text === 'all') return text;
  const expression = /^\/(.*)\/$/.exec(text);
  return expression ? expression[1]! : text.split(',').map((name) => name.trim());
}

function pattern(text: string): Record<string, number> {
  const entries = text.split(',').map((part) => {
    const [name, value, ...rest] = part.split('=');
    if (!name?.trim() || !(Number(value) > 0) || rest.length > 0) {
      throw new InvalidArgumentError(
        "It must be layers with a number above 0, such as 'linear1=4,linear3=1'.",
      );
    }
    return [name.trim(), Number(value)] as const;
  });
  return Object.fromEntries(entries);
}
