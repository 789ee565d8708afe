import { Option } from '@commander-js/extra-typings';
import type { LayerPattern, LoraBias, LoraConfig, LoraInit, LoraMethod } from '../../lora/index.ts';
import { choicesOf, integer, layers, number, numbersByName, positive } from './parsers.ts';
import { optionGroup, under } from './shared.ts';

/** Values of the options that `addAdapterOptions` adds. */
export type AdapterOptions = {
  readonly rank: number;
  readonly alpha: number;
  readonly targets?: LayerPattern;
  readonly targetWeights?: LayerPattern;
  readonly exclude?: LayerPattern;
  readonly method: LoraMethod;
  readonly bias: LoraBias;
  readonly init: LoraInit;
  readonly rslora?: boolean;
  readonly dora?: boolean;
  readonly dropout: number;
  readonly rankPattern?: Readonly<Record<string, number>>;
  readonly alphaPattern?: Readonly<Record<string, number>>;
  readonly modulesToSave?: LayerPattern;
};

const METHODS = choicesOf<LoraMethod>({ side: true, weight: true, 'weight-view': true });
const BIASES = choicesOf<LoraBias>({ none: true, 'lora-only': true, all: true });
const INITS = choicesOf<LoraInit>({
  kaiming: true,
  gaussian: true,
  normal: true,
  orthogonal: true,
  pissa: true,
  olora: true,
  'lora-ga': true,
  eva: true,
});

const layerNumbers = numbersByName(
  (value) => value > 0 && Number.isFinite(value),
  "layers with numbers above 0, such as 'linear1=4,linear3=1'",
);

/** Adds the options of an adapter, named as in PEFT. */
export const addAdapterOptions = optionGroup<AdapterOptions>(() =>
  under('Adapter:', [
    new Option('--rank <n>', 'rank of the update: columns of A, rows of B').argParser(integer(1)).default(2),
    new Option('--alpha <n>', 'the update is scaled by alpha / rank').argParser(positive).default(1),
    new Option(
      '--targets <layers>',
      "layers to adapt: 'all', names separated by commas, or /a regular expression/ (default: 'all', or none with " +
        '--target-weights)',
    ).argParser(layers),
    new Option(
      '--target-weights <weights>',
      "single weights to adapt, such as 'lstm.recurrent_kernel': names separated by commas, or /a regular expression/",
    ).argParser(layers),
    new Option('--exclude <layers>', 'layers not to adapt, written as for --targets').argParser(layers),
    new Option(
      '--method <name>',
      "how the update is applied: 'side' as a parallel branch, 'weight' added to the kernel, " +
        "'weight-view' as in the published experiment",
    )
      .choices(METHODS)
      .default('side'),
    new Option('--bias <which>', 'biases to train as well').choices(BIASES).default('none'),
    new Option(
      '--init <name>',
      "initialization of A and B; 'lora-ga' and 'eva' need training data, so inject-lora does not support them",
    )
      .choices(INITS)
      .default('kaiming'),
    new Option('--rslora', 'scale by alpha / sqrt(rank) instead of alpha / rank (rsLoRA)'),
    new Option('--dora', "train the weight's magnitude separately from its direction (DoRA)"),
    new Option('--dropout <fraction>', 'dropout on the input of A during training, 0 to 0.99')
      .argParser(number(0, 0.99))
      .default(0),
    new Option('--rank-pattern <layer=n,...>', 'ranks of single layers, such as linear1=4').argParser(
      layerNumbers,
    ),
    new Option('--alpha-pattern <layer=n,...>', 'alphas of single layers, such as linear1=8').argParser(
      layerNumbers,
    ),
    new Option('--modules-to-save <layers>', 'layers to train in full, written as for --targets').argParser(
      layers,
    ),
  ]),
);

/** The adapter that the options describe. */
export function loraConfigFrom(options: AdapterOptions & { readonly seed: number }): LoraConfig {
  const { rank, alpha, targets, targetWeights, exclude, method, bias, init, rslora, dora, dropout } = options;
  const { rankPattern, alphaPattern, modulesToSave, seed } = options;
  return {
    rank,
    alpha,
    targets,
    targetWeights,
    exclude,
    method,
    bias,
    init,
    rslora,
    dora,
    dropout,
    rankPattern,
    alphaPattern,
    modulesToSave,
    seed,
  };
}
