import { UsageError } from '../errors.ts';
import type { AdapterSettings, NamedLoraLayer } from '../lora/index.ts';
import { OWN_TYPE, type PeftConfig } from './config.ts';
import { obstacleTo, type PeftModule } from './modules.ts';

/** A layer of an adapter that is about to be written. */
export interface AdaptedModule {
  readonly module: PeftModule;
  readonly layer: NamedLoraLayer['layer'];
  readonly settings: AdapterSettings;
}

/** What an adapter's layers say about it as a whole. */
export interface Description {
  readonly config: PeftConfig;
  /** Layers whose tensors stay in tfjs' layout, because PEFT has no form for them. */
  readonly raw: ReadonlySet<PeftModule>;
  /** What PEFT cannot hold, as ends of sentences; empty when it can load the adapter. */
  readonly obstacles: readonly string[];
}

/**
 * Describes an adapter as PEFT's configuration does.
 *
 * @throws UsageError when it has no low-rank update, or layers differ in what PEFT has one value for
 */
export function describeAdapter(adapted: readonly AdaptedModule[], all: readonly PeftModule[]): Description {
  const lowRank = adapted.filter(({ settings }) => settings.rank > 0);
  const { rslora, dora, dropout } = commonSettings(lowRank);
  const saved = adapted.filter(({ settings }) => settings.rank === 0 && settings.trainedCopies === 'all');
  const obstacles = [
    ...lowRank.flatMap(({ module, layer }) => obstacleTo(module, layer.method)?.reason ?? []),
    ...adapted.flatMap(unknownCopies),
    ...saved.flatMap(({ module }) => mistakableFor(module, all)),
  ];
  const ranks = lowRank.map(({ settings }) => storedRank(settings));
  const alphas = lowRank.map(({ settings }) => storedAlpha(settings));
  const [rank, alpha] = [mostCommon(ranks), mostCommon(alphas)];
  const pattern = (values: readonly number[], usual: number) =>
    Object.fromEntries(
      lowRank
        .flatMap(({ module }, index) =>
          values[index] === usual ? [] : [[patternFor(module, all), values[index]!] as const],
        )
        .sort(([one], [other]) => (one < other ? -1 : 1)),
    );
  return {
    raw: new Set(
      lowRank
        .filter(({ module, layer }) => obstacleTo(module, layer.method)?.raw)
        .map(({ module }) => module),
    ),
    obstacles: [...new Set(obstacles)],
    config: {
      peft_type: obstacles.length > 0 ? OWN_TYPE : 'LORA',
      r: rank,
      lora_alpha: alpha,
      rank_pattern: pattern(ranks, rank),
      alpha_pattern: pattern(alphas, alpha),
      target_modules: targetModules(
        lowRank.map(({ module }) => module),
        all,
      ),
      modules_to_save: saved.length > 0 ? saved.map(({ module }) => module.path).sort() : null,
      bias: biasOf(adapted),
      use_rslora: rslora,
      use_dora: dora,
      lora_dropout: dropout,
      init_lora_weights: true,
    },
  };
}

/** The settings of which PEFT has one for all layers. */
function commonSettings(lowRank: readonly AdaptedModule[]): AdapterSettings {
  const [first] = lowRank;
  if (!first)
    throw new UsageError(
      'peft-incompatible',
      'the adapter has no low-rank update on any layer, which PEFT has no form for',
    );
  for (const key of ['rslora', 'dora', 'dropout'] as const) {
    const odd = lowRank.find(({ settings }) => settings[key] !== first.settings[key]);
    if (!odd) continue;
    throw new UsageError(
      'peft-incompatible',
      `layers differ in ${key}: '${first.module.path}' has ${first.settings[key]}, '${odd.module.path}' ${odd.settings[key]}; PEFT has one for all`,
    );
  }
  return first.settings;
}

/** That a layer trains copies of weights which PyTorch does not have so, as the end of a sentence; none where it has. */
function unknownCopies({ module, layer, settings }: AdaptedModule): string[] {
  const copied = [...layer.adapters.get(settings.name)!.trainedCopies.keys()];
  if (copied.every((name) => module.layouts.some(({ weight }) => weight === name))) return [];
  return [`the weights of '${module.path}' (${module.className}), which PyTorch does not have so`];
}

/** That PEFT, which goes by the ends of paths, would train another layer whole as well; none where it would not. */
function mistakableFor({ path }: PeftModule, all: readonly PeftModule[]): string[] {
  const twin = all.find((other) => other.path.endsWith(`.${path}`));
  return twin ? [`modules_to_save '${path}', which PEFT would take for '${twin.path}' too`] : [];
}

/** The rank in the file: an adapter that subtracts its initial update stores A·B - A0·B0, a product of twice the rank. */
function storedRank({ rank, subtractsInitialUpdate }: AdapterSettings): number {
  return subtractsInitialUpdate ? 2 * rank : rank;
}

/** The alpha that gives the stored rank the scale of the adapter's own. */
function storedAlpha({ alpha, subtractsInitialUpdate, rslora }: AdapterSettings): number {
  if (!subtractsInitialUpdate) return alpha;
  return rslora ? alpha * Math.SQRT2 : alpha * 2;
}

/** Undoes `storedAlpha`, to the 12 digits that the root of two leaves. */
export function ownAlpha(stored: number, rslora: boolean): number {
  return rslora ? Number((stored / Math.SQRT2).toPrecision(12)) : stored / 2;
}

function biasOf(adapted: readonly AdaptedModule[]): PeftConfig['bias'] {
  const withBias = adapted.filter(({ settings }) => settings.trainedCopies === 'bias');
  if (withBias.some(({ settings }) => settings.rank === 0)) return 'all';
  return withBias.length > 0 ? 'lora_only' : 'none';
}

/** Names where they mean these modules alone, else an expression for their whole paths. */
function targetModules(targets: readonly PeftModule[], all: readonly PeftModule[]): string | string[] {
  const names = targets.map(({ module }) => module).sort();
  const others = all.filter((one) => !targets.includes(one));
  const ambiguous = names.some((name) => others.some(({ module }) => module.endsWith(`.${name}`)));
  return ambiguous ? names.map(escapeRegExp).join('|') : names;
}

/** Rank and alpha patterns match from the end of a path; `^` binds them to the whole. */
function patternFor({ module }: PeftModule, all: readonly PeftModule[]): string {
  const ambiguous = all.some((other) => other.module.endsWith(`.${module}`));
  return ambiguous ? `^${escapeRegExp(module)}` : escapeRegExp(module);
}

/** The text as a regular expression that matches it alone. */
export function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function mostCommon(values: readonly number[]): number {
  const count = (value: number) => values.filter((other) => other === value).length;
  return values.reduce((best, value) => (count(value) > count(best) ? value : best), values[0]!);
}
