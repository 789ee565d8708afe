import { UsageError } from '../errors.ts';

/** Where the low-rank term enters a layer; see `LoraConfig.method`. */
export const LORA_METHODS = ['side', 'weight', 'weight-view'] as const;
export type LoraMethod = (typeof LORA_METHODS)[number];

/** Which biases train; see `LoraConfig.bias`. */
export const LORA_BIASES = ['none', 'lora-only', 'all'] as const;
export type LoraBias = (typeof LORA_BIASES)[number];

/** How A and B start; see `LoraConfig.init`. */
export const LORA_INITS = [
  'kaiming',
  'gaussian',
  'normal',
  'orthogonal',
  'pissa',
  'olora',
  'lora-ga',
] as const;
export type LoraInit = (typeof LORA_INITS)[number];

/** Layers by name: 'all', a regular expression that must match a whole path, or names and dotted suffixes of paths. */
export type LayerPattern = string | RegExp | readonly string[];

/** How to adapt a model, in PEFT's terms. Everything has a default. */
export interface LoraConfig {
  /** Columns of A and rows of B, from 1 to the smaller side of the kernel. Default 8. */
  readonly rank?: number;
  /** The update is scaled by alpha / rank. Above 0; default: the rank, so that the scale is 1. */
  readonly alpha?: number;
  /**
   * Layers to adapt. 'all' (the default) takes every layer of a kind that can be adapted; a list takes layers
   * whose path is an entry or ends in '.' + entry; any other string is a regular expression for whole paths.
   */
  readonly targets?: LayerPattern;
  /** Layers to leave alone, written as `targets`. */
  readonly exclude?: LayerPattern;
  /** Layers before this one, in the model's order, are left alone. */
  readonly from?: string;
  /** Ranks of single layers: a dotted suffix or a regular expression for it, to the rank. */
  readonly rankPattern?: Readonly<Record<string, number>>;
  /** Alphas of single layers, as `rankPattern`. */
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /** Scale by alpha / sqrt(rank) (Kalajdzievski 2023, arXiv:2312.03732). Default false. */
  readonly rslora?: boolean;
  /**
   * Biases that train besides: none (default), those of adapted layers, or all. The adapter trains a copy, so
   * that the base's own bias stays and strength 0 gives the base.
   */
  readonly bias?: LoraBias;
  /** Share of a layer's input that is dropped on its way into A while training, 0 <= dropout < 1. Default 0. */
  readonly dropout?: number;
  /**
   * - `kaiming` (default): A uniform in ±1/sqrt(inputs), B zero, as PEFT and loralib do.
   * - `gaussian`: A normal with deviation 1/rank, B zero, as PEFT's option of that name.
   * - `normal`: A standard normal, B zero, as the published walk-through does.
   * - `orthogonal`: A and B share an orthogonal matrix, A·B is zero without either being zero; even ranks only.
   * - `pissa`: the principal singular vectors of the kernel (Meng et al. 2024, arXiv:2404.02948).
   * - `olora`: the QR factors of the kernel (Büyükakyüz 2024, arXiv:2406.01775).
   * - `lora-ga`: singular vectors of the gradient by the kernel (Wang et al. 2024, arXiv:2407.05000), which needs
   *   the loss of a batch: see `InjectOptions.loss`.
   *
   * With each of them the adapted model starts with the base's outputs.
   */
  readonly init?: LoraInit;
  /**
   * - `side` (default): y = act(x·W + s·(x·A)·B + b), as in the paper.
   * - `weight`: y = act(x·(W + s·A·B) + b); the same function, other work: better for large batches of small layers.
   * - `weight-view`: the published reshape: B·A [in, out] read as a kernel [out, in] of PyTorch. Its update is not
   *   of low rank, and PEFT has no such thing. Dense layers only.
   */
  readonly method?: LoraMethod;
  /** Train the kernel's length per output apart from its direction (Liu et al. 2024, arXiv:2402.09353). Default false. */
  readonly dora?: boolean;
  /** Layers to train whole, written as `targets`; the adapter trains copies of their weights. */
  readonly modulesToSave?: LayerPattern;
  /** Seeds A. Default 0. */
  readonly seed?: number;
}

/** A configuration that was checked, with its defaults filled in. */
export type ResolvedLoraConfig = Required<Omit<LoraConfig, 'exclude' | 'from' | 'modulesToSave'>> &
  Pick<LoraConfig, 'exclude' | 'from' | 'modulesToSave'>;

/** The names of all options; the type makes sure that none is missing. */
const OPTIONS: Readonly<Record<keyof LoraConfig, true>> = {
  rank: true,
  alpha: true,
  targets: true,
  exclude: true,
  from: true,
  rankPattern: true,
  alphaPattern: true,
  rslora: true,
  bias: true,
  dropout: true,
  init: true,
  method: true,
  dora: true,
  modulesToSave: true,
  seed: true,
};

/**
 * Fills in defaults and checks what can be checked without a model.
 *
 * @throws UsageError naming the option, its value and what is allowed
 */
export function resolveLoraConfig(config: LoraConfig): ResolvedLoraConfig {
  checkNames(config);
  const { rank = 8, alpha = rank } = config;
  const resolved: ResolvedLoraConfig = {
    targets: 'all',
    rankPattern: {},
    alphaPattern: {},
    rslora: false,
    bias: 'none',
    dropout: 0,
    init: 'kaiming',
    method: 'side',
    dora: false,
    seed: 0,
    ...definedOnly(config),
    rank,
    alpha,
  };
  checkRank('rank', resolved.rank);
  checkAlpha('alpha', resolved.alpha);
  for (const [pattern, value] of Object.entries(resolved.rankPattern))
    checkRank(`rank of '${pattern}'`, value);
  for (const [pattern, value] of Object.entries(resolved.alphaPattern))
    checkAlpha(`alpha of '${pattern}'`, value);
  if (!(resolved.dropout >= 0 && resolved.dropout < 1))
    throw new UsageError(
      'invalid-argument',
      `dropout is ${resolved.dropout}; it has to be at least 0 and below 1`,
    );
  if (!Number.isSafeInteger(resolved.seed))
    throw new UsageError('invalid-argument', `seed is ${resolved.seed}; it has to be a whole number`);
  checkChoice('method', resolved.method, LORA_METHODS);
  checkChoice('bias', resolved.bias, LORA_BIASES);
  checkChoice('init', resolved.init, LORA_INITS);
  checkMethod(resolved);
  return resolved;
}

/** JavaScript would pass over a misspelt option, and its default would count. */
function checkNames(config: LoraConfig): void {
  const stranger = Object.keys(config).find((name) => !Object.hasOwn(OPTIONS, name));
  if (stranger !== undefined)
    throw new UsageError(
      'invalid-argument',
      `an adapter has no option '${stranger}'; there are ${Object.keys(OPTIONS).join(', ')}`,
    );
}

function checkMethod({ method, dora, dropout, init }: ResolvedLoraConfig): void {
  if (method === 'side') return;
  if (dora) throw new UsageError('invalid-argument', `DoRA needs method 'side', not '${method}'`);
  if (dropout > 0)
    throw new UsageError(
      'invalid-argument',
      `dropout is ${dropout}; method '${method}' has no adapter path to drop from, use 'side'`,
    );
  if (method === 'weight-view' && !['kaiming', 'gaussian', 'normal'].includes(init))
    throw new UsageError(
      'invalid-argument',
      `init '${init}' has no meaning for method 'weight-view'; use 'normal', as published`,
    );
}

/** @throws UsageError naming the option when the value is no whole number of at least 1 */
export function checkRank(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(
      'invalid-argument',
      `${name} is ${value}; it has to be a whole number of at least 1`,
    );
}

function checkAlpha(name: string, value: number): void {
  if (!(Number.isFinite(value) && value > 0))
    throw new UsageError('invalid-argument', `${name} is ${value}; it has to be above 0`);
}

/** @throws UsageError naming the option and what it can be */
export function checkChoice(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value))
    throw new UsageError(
      'invalid-argument',
      `${name} is '${value}'; it has to be one of ${allowed.join(', ')}`,
    );
}

function definedOnly<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
