import { checkFieldNames, checkFields, checkObject, checkText, type Fields } from '../arguments.ts';
import { UsageError } from '../errors.ts';

/** How the update is applied; see `LoraConfig.method`. */
const LORA_METHODS = ['side', 'weight', 'weight-view'] as const;
export type LoraMethod = (typeof LORA_METHODS)[number];

/** Which biases are trained; see `LoraConfig.bias`. */
const LORA_BIASES = ['none', 'lora-only', 'all'] as const;
export type LoraBias = (typeof LORA_BIASES)[number];

/** Initialization of A and B; see `LoraConfig.init`. */
const LORA_INITS = [
  'kaiming',
  'gaussian',
  'normal',
  'orthogonal',
  'pissa',
  'olora',
  'lora-ga',
  'eva',
] as const;
export type LoraInit = (typeof LORA_INITS)[number];

/**
 * Selects layers by path: 'all'; another string is a regular expression in Python's syntax, as in PEFT, and must match the
 * whole path, as a RegExp must; a list matches paths that equal an entry or end in '.' + entry, and the layers of a nested
 * model whose path does.
 */
export type LayerPattern = string | RegExp | readonly string[];

/** Options of init `eva`, as PEFT's `EvaConfig`. */
export interface EvaConfig {
  /**
   * The rank of a layer becomes at most rho times that of the configuration: layers whose components explain more of the
   * variance of their inputs get higher ranks, others lower ones, down to none. At least 1, which keeps all ranks. Default 2.
   */
  readonly rho?: number;
  /** Cosine similarity to the components of the batch before, from which a component counts as found. 0 to 1, default 0.99. */
  readonly tau?: number;
  /** Divide each component by the root of its singular value. Default false. */
  readonly whiten?: boolean;
  /** Change the alpha of a layer with its rank, so that alpha / rank stays the same. Default true. */
  readonly adjustScalingFactors?: boolean;
}

/** How to adapt a model, as PEFT's `LoraConfig`. All options are optional. */
export interface LoraConfig {
  /**
   * Rank r of the update: A is [in, r], B is [r, out]. At least 1, default 8. Above the smaller of `in` and `out` the
   * update A·B does not gain rank, and inits `pissa`, `olora` and `lora-ga` do not support it.
   */
  readonly rank?: number;
  /** The update is scaled by alpha / rank. Above 0, at most 1e9. Default: equal to `rank`, for a scaling of 1. */
  readonly alpha?: number;
  /**
   * Layers, or nodes of a GraphModel, to adapt. Default 'all': every one whose class or op supports `method`; none if
   * `targetWeights` is set. A layer inside a wrapper such as Bidirectional has a path as well: `both.forward_lstm` is one
   * direction of `both`, and `both.lstm` is both.
   */
  readonly targets?: LayerPattern;
  /**
   * Single weights to adapt, in addition to `targets`, as PEFT's `target_parameters`: `lstm.recurrent_kernel`, or the end of
   * such a path. Any float32 weight with two or more axes of any layer, also of a class that a program has registered. The
   * last two axes are those of the matrices, [in, out]; axes before these stack several.
   */
  readonly targetWeights?: LayerPattern;
  /** Layers to leave unchanged, or weights, such as `lstm.recurrent_kernel`. */
  readonly exclude?: LayerPattern;
  /**
   * First layer to adapt; layers before it in the model stay unchanged. A layer name, or the end of a layer path. In a
   * GraphModel the name of any node: only nodes that depend on it are adapted.
   */
  readonly from?: string;
  /**
   * Ranks that replace `rank` for some layers, as PEFT's `rank_pattern`. A key is a regular expression in Python's
   * syntax that must match the whole layer path or the end of it after a dot, so layer names work as well.
   */
  readonly rankPattern?: Readonly<Record<string, number>>;
  /** Alphas that replace `alpha` for some layers. Keys as in `rankPattern`. */
  readonly alphaPattern?: Readonly<Record<string, number>>;
  /** Scale by alpha / sqrt(rank) instead (Kalajdzievski 2023, arXiv:2312.03732). Default false. */
  readonly rslora?: boolean;
  /**
   * Biases to train as well: 'none' (default), 'lora-only' (biases of adapted layers) or 'all'. The adapter trains
   * copies of the biases; the base model does not change.
   */
  readonly bias?: LoraBias;
  /** Dropout rate applied to the input of A during training, 0 <= dropout < 1. Default 0. Not for GraphModels. */
  readonly dropout?: number;
  /**
   * Initialization of A and B. With every choice, the untrained adapter leaves the model's outputs unchanged.
   *
   * - `kaiming` (default): A uniform in ±1/sqrt(inputs), B zero. As in PEFT and loralib.
   * - `gaussian`: A normal with standard deviation 1/rank, B zero. As in PEFT.
   * - `normal`: A standard normal, B zero. As in the published experiment.
   * - `orthogonal`: A and B from one orthogonal matrix, so that A·B is zero but neither factor is. Even ranks only.
   * - `pissa`: principal singular vectors of the kernel (Meng et al. 2024, arXiv:2404.02948).
   * - `olora`: QR factors of the kernel (Büyükakyüz 2024, arXiv:2406.01775).
   * - `lora-ga`: singular vectors of the kernel's gradient (Wang et al. 2024, arXiv:2407.05000). Needs
   *   `InjectOptions.loss`.
   * - `eva`: A from the principal components of each dense layer's inputs, B zero (Paischer et al. 2024, arXiv:2410.07170).
   *   Changes the ranks of layers, see `EvaConfig`. Needs `InjectOptions.batches`.
   */
  readonly init?: LoraInit;
  /** Options of init `eva`. */
  readonly evaConfig?: EvaConfig;
  /**
   * How the update is applied:
   *
   * - `side` (default): as a parallel branch, y = act(x·W + s·(x·A)·B + b), as in the paper.
   * - `weight`: added to the kernel, y = act(x·(W + s·A·B) + b). The same function; faster for large batches on small
   *   layers.
   * - `weight-view`: as in the published experiment (docs/published-experiment.md), where A is [r, out] and B is [in, r].
   *   It reshapes B·A [in, out] to PyTorch's kernel shape [out, in] instead of transposing it, so the update is not of
   *   low rank. Dense layers only; not supported by PEFT.
   */
  readonly method?: LoraMethod;
  /**
   * DoRA: train the magnitude of the kernel separately from its direction (Liu et al. 2024, arXiv:2402.09353). Default
   * false.
   */
  readonly dora?: boolean;
  /** Layers to train in full instead of with A and B. The adapter trains copies of their weights. */
  readonly modulesToSave?: LayerPattern;
  /** Seed of the random initial values of A and B. Default 0. */
  readonly seed?: number;
}

/** A validated configuration, with defaults filled in. */
export type ResolvedLoraConfig = Required<Omit<LoraConfig, OptionalOption>> &
  Pick<LoraConfig, OptionalOption>;

/** The options without a default. */
type OptionalOption = 'targetWeights' | 'exclude' | 'from' | 'modulesToSave' | 'evaConfig';

/** All option names. The type makes the compiler reject a missing or unknown name. */
const OPTIONS: Readonly<Record<keyof LoraConfig, true>> = {
  rank: true,
  alpha: true,
  targets: true,
  targetWeights: true,
  exclude: true,
  from: true,
  rankPattern: true,
  alphaPattern: true,
  rslora: true,
  bias: true,
  dropout: true,
  init: true,
  evaConfig: true,
  method: true,
  dora: true,
  modulesToSave: true,
  seed: true,
};

/**
 * Returns the configuration with defaults filled in. Validates everything that can be checked without a model.
 *
 * @throws UsageError if an option is unknown or out of range
 */
export function resolveLoraConfig(config: LoraConfig): ResolvedLoraConfig {
  checkObject('LoRA configuration', config);
  checkFieldNames('LoRA configuration', config, Object.keys(OPTIONS));
  const { rank = 8, alpha = rank } = config;
  const resolved: ResolvedLoraConfig = {
    targets: config.targetWeights === undefined ? 'all' : [],
    rankPattern: {},
    alphaPattern: {},
    rslora: false,
    bias: 'none',
    dropout: 0,
    init: 'kaiming',
    method: 'side',
    dora: false,
    seed: 0,
    ...withoutUndefined(config),
    rank,
    alpha,
  };
  for (const option of ['targets', 'targetWeights', 'exclude', 'modulesToSave'] as const)
    checkPattern(option, resolved[option]);
  if (resolved.from !== undefined) checkText('from', resolved.from);
  checkObject('rankPattern', resolved.rankPattern);
  checkObject('alphaPattern', resolved.alphaPattern);
  checkRank('rank', resolved.rank);
  checkAlpha('alpha', resolved.alpha);
  for (const [pattern, value] of Object.entries(resolved.rankPattern))
    checkRank(`rank of '${pattern}'`, value);
  for (const [pattern, value] of Object.entries(resolved.alphaPattern))
    checkAlpha(`alpha of '${pattern}'`, value);
  if (typeof resolved.dropout !== 'number' || !(resolved.dropout >= 0 && resolved.dropout < 1))
    throw new UsageError('invalid-argument', `dropout: must be at least 0 and below 1 (${resolved.dropout})`);
  if (!Number.isSafeInteger(resolved.seed))
    throw new UsageError('invalid-argument', `seed: must be a whole number (${resolved.seed})`);
  checkChoice('method', resolved.method, LORA_METHODS);
  checkChoice('bias', resolved.bias, LORA_BIASES);
  checkChoice('init', resolved.init, LORA_INITS);
  checkEvaConfig(resolved);
  checkMethod(resolved);
  return resolved;
}

/** @throws UsageError if a pattern is neither a string, a regular expression nor a list of names */
function checkPattern(option: string, pattern: unknown): void {
  const isList = Array.isArray(pattern) && pattern.every((name) => typeof name === 'string');
  if (pattern === undefined || typeof pattern === 'string' || pattern instanceof RegExp || isList) return;
  const expected =
    option === 'targetWeights'
      ? 'a list of names or a regular expression'
      : "a list of names, a regular expression or 'all'";
  throw new UsageError(
    'invalid-argument',
    `${option}: must be ${expected} (${Array.isArray(pattern) ? JSON.stringify(pattern).slice(0, 60) : String(pattern)})`,
  );
}

const EVA_FIELDS = {
  rho: 'number?',
  tau: 'number?',
  whiten: 'boolean?',
  adjustScalingFactors: 'boolean?',
} as const satisfies Fields<Required<EvaConfig>>;

function checkEvaConfig({ init, evaConfig }: ResolvedLoraConfig): void {
  if (evaConfig === undefined) return;
  checkFields<EvaConfig>('evaConfig', evaConfig, EVA_FIELDS);
  checkFieldNames('evaConfig', evaConfig, Object.keys(EVA_FIELDS));
  const { rho = 1, tau = 0 } = evaConfig;
  if (init !== 'eva')
    throw new UsageError('invalid-argument', `evaConfig: init '${init}' does not use it; leave it out`);
  if (!(rho >= 1 && rho < Number.POSITIVE_INFINITY))
    throw new UsageError('invalid-argument', `evaConfig.rho: must be at least 1 (${rho})`);
  if (!(tau >= 0 && tau <= 1))
    throw new UsageError('invalid-argument', `evaConfig.tau: must be from 0 to 1 (${tau})`);
}

function checkMethod({ method, dora, dropout, init }: ResolvedLoraConfig): void {
  if (method === 'side') return;
  if (dora) throw new UsageError('invalid-argument', `method '${method}': does not support DoRA; use 'side'`);
  if (dropout > 0)
    throw new UsageError('invalid-argument', `method '${method}': does not support dropout; use 'side'`);
  if (method === 'weight-view' && !['kaiming', 'gaussian', 'normal'].includes(init))
    throw new UsageError(
      'invalid-argument',
      `method 'weight-view': does not support init '${init}'; use 'kaiming', 'gaussian' or 'normal'`,
    );
}

/** @throws UsageError if `value` is not a whole number of at least 1 */
export function checkRank(name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError('invalid-argument', `${name}: must be a whole number of at least 1 (${value})`);
}

/** Largest alpha. With more, the outputs of a layer can exceed the range of float32. */
export const MAX_ALPHA = 1e9;

function checkAlpha(name: string, value: number): void {
  if (!(value > 0 && value <= MAX_ALPHA))
    throw new UsageError('invalid-argument', `${name}: must be above 0 and at most ${MAX_ALPHA} (${value})`);
}

/** @throws UsageError if `value` is not one of `allowed` */
export function checkChoice(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value))
    throw new UsageError('invalid-argument', `${name}: must be one of ${allowed.join(', ')} ('${value}')`);
}

function withoutUndefined<T extends object>(object: T): Partial<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Partial<T>;
}
