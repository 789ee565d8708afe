import { InvalidArgumentError, Option } from '@commander-js/extra-typings';
import {
  LORA_BIASES,
  LORA_INITS,
  LORA_METHODS,
  type LoraBias,
  type LoraConfig,
  type LoraInit,
  type LoraMethod,
} from '../../lora/index.ts';
import { integer, number, positive } from './parsers.ts';
import { optionGroup } from './shared.ts';

/** What the options of `addAdapterOptions` give. */
export type AdapterOptions = {
  readonly rank: number;
  readonly alpha: number;
  readonly targets: string;
  readonly exclude?: string;
  readonly method: LoraMethod;
  readonly bias: LoraBias;
  readonly init: LoraInit;
  readonly rslora?: boolean;
  readonly dora?: boolean;
  readonly dropout: number;
  readonly rankPattern?: Readonly<Record<string, number>>;
  readonly alphaPattern?: Readonly<Record<string, number>>;
  readonly modulesToSave?: string;
};

/** Adds the options that say how a model is adapted, in PEFT's terms. */
export const addAdapterOptions = optionGroup<AdapterOptions>(() => [
  new Option('--rank <n>', 'rank of the update').argParser(integer(1)).default(2),
  new Option('--alpha <n>', 'the update is scaled by alpha / rank').argParser(positive).default(1),
  new Option(
    '--targets <layers>',
    "layers to adapt: 'all', names with commas, or /a regular expression/",
  ).default('all'),
  new Option('--exclude <layers>', 'layers to leave alone, written as --targets'),
  new Option('--method <name>', 'beside the layer, in its weight, or as the published reshape of it')
    .choices(LORA_METHODS)
    .default('side'),
  new Option('--bias <which>', 'biases to train besides').choices(LORA_BIASES).default('none'),
  new Option('--init <name>', "how A and B start; 'lora-ga' needs data, so finetune has it alone")
    .choices(LORA_INITS)
    .default('kaiming'),
  new Option('--rslora', 'scale by alpha / sqrt(rank)'),
  new Option('--dora', "train the weight's magnitude apart from its direction"),
  new Option('--dropout <share>', 'share of inputs that A does not see while training')
    .argParser(number(0, 0.99))
    .default(0),
  new Option('--rank-pattern <layer=n,...>', 'ranks of single layers').argParser(pattern),
  new Option('--alpha-pattern <layer=n,...>', 'alphas of single layers').argParser(pattern),
  new Option('--modules-to-save <layers>', 'layers to train whole, written as --targets'),
]);

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
