import { UsageError } from '../errors.ts';
import type { AdapterSettings, PlacedLoraLayer } from '../lora/index.ts';
import { OWN_TYPE, type PeftConfig } from './config.ts';
import { obstacleTo, type PeftModule } from './modules.ts';

/** A layer of an adapter that is about to be written. */
export interface AdaptedModule {
  readonly module: PeftModule;
  readonly layer: PlacedLoraLayer['layer'];
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

/** Describes an adapter as PEFT's configuration does. */
export function describeAdapter(adapted: readonly AdaptedModule[], all: readonly PeftModule[]): Description {
  const lowRank = adapted.filter(({ settings }) => settings.rank > 0);
  const first = lowRank[0]?.settings;
  if (!first)
    throw new UsageError('the adapter has no low-rank update on any layer, which PEFT has no form for');
  for (const key of ['rslora', 'dora', 'dropout'] as const) {
    const odd = lowRank.find(({ settings }) => settings[key] !== first[key]);
    if (odd) {
      throw new UsageError(
        `layers differ in ${key}: '${lowRank[0]!.module.path}' has ${first[key]}, '${odd.module.path}' ${odd.settings[key]}; PEFT has one for all`,
      );
    }
  }
  const obstacles: string[] = [];
  const raw = new Set<PeftModule>();
  for (const { module, layer } of lowRank) {
    const obstacle = obstacleTo(module, layer.method);
    if (obstacle) obstacles.push(obstacle.reason);
    if (obstacle?.raw) raw.add(module);
  }
  for (const { module, layer, settings } of adapted) {
    const copied = [...layer.adapters.get(settings.name)!.copies.keys()];
    if (copied.every((name) => module.layouts.some(({ weight }) => weight === name))) continue;
    obstacles.push(`the weights of '${module.path}' (${module.className}), which PyTorch does not have so`);
  }
  const saved = adapted.filter(({ settings }) => settings.rank === 0 && settings.copies === 'all');
  for (const { module } of saved) {
    const twin = all.find(({ path }) => path.endsWith(`.${module.path}`));
    if (twin)
      obstacles.push(`modules_to_save '${module.path}', which PEFT would take for '${twin.path}' too`);
  }
  const ranks = lowRank.map(({ settings }) => storedRank(settings));
  const alphas = lowRank.map(({ settings }) => storedAlpha(settings));
  const [rank, alpha] = [mostCommon(ranks), mostCommon(alphas)];
  const pattern = (values: readonly number[], usual: number) =>
    Object.fromEntries(
      lowRank
        .flatMap(({ module }, index) =>
          values[index] === usual ? [] : [[patternFor(module, all), values[index]!]],
        )
        .sort(([a], [b]) => (a! < b! ? -1 : 1)),
    );
  return {
    raw,
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
      use_rslora: first.rslora,
      use_dora: first.dora,
      lora_dropout: first.dropout,
      init_lora_weights: true,
    },
  };
}

/** The rank in the file: an anchored adapter's update A·B - A0·B0 is one of twice the rank. */
function storedRank({ rank, anchored }: AdapterSettings): number {
  return anchored ? 2 * rank : rank;
}

/** The alpha that gives the stored rank the scale of the adapter's own. */
function storedAlpha({ alpha, anchored, rslora }: AdapterSettings): number {
  if (!anchored) return alpha;
  return rslora ? alpha * Math.SQRT2 : alpha * 2;
}

/** Undoes `storedAlpha`, to the 12 digits that the root of two leaves. */
export function ownAlpha(stored: number, rslora: boolean): number {
  return rslora ? Number((stored / Math.SQRT2).toPrecision(12)) : stored / 2;
}

function biasOf(adapted: readonly AdaptedModule[]): PeftConfig['bias'] {
  const withBias = adapted.filter(({ settings }) => settings.copies === 'bias');
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
