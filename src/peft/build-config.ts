import { UsageError } from '../errors.ts';
import { type AdapterSettings, type LoraLayer, type LoraMethod, readAdapter } from '../lora/index.ts';
import { type PeftConfig, TFJS_LORA_TYPE } from './config.ts';
import { incompatibilityOf, type PeftModule } from './modules.ts';
import { convertedSettings } from './mutated-weights.ts';
import { type PeftParameter, peftParameters, possibleParameters } from './parameters.ts';
import { updatedKernels } from './parts.ts';
import { escapeRegExp } from './patterns.ts';
import { copyLayout } from './tensors.ts';

/** A layer of the adapter that is being saved. */
export interface AdaptedModule {
  readonly module: PeftModule;
  readonly layer: LoraLayer;
  readonly settings: AdapterSettings;
}

/** An adapter's configuration for PEFT. */
export interface BuiltConfig {
  readonly config: PeftConfig;
  /** Modules whose tensors are stored in tfjs' layout, because PEFT has none for them. */
  readonly tfjsLayout: ReadonlySet<PeftModule>;
  /** What PEFT cannot represent, as noun phrases; empty if PEFT can load the adapter. */
  readonly incompatibilities: readonly string[];
}

/**
 * Builds the configuration for PEFT from the layers of an adapter.
 *
 * @param all all modules of the model, so that names in the configuration match no others
 * @throws UsageError if no layer has a low-rank update, or layers differ in an option that PEFT has once per adapter
 */
export function buildPeftConfig(adapted: readonly AdaptedModule[], all: readonly PeftModule[]): BuiltConfig {
  const lowRank = adapted.filter(({ settings }) => settings.rank > 0);
  const { rslora, dora, dropout } = commonSettings(lowRank);
  const saved = adapted.filter(({ settings }) => settings.rank === 0 && settings.trainedCopies === 'all');
  const partsOf = ({ layer, settings }: AdaptedModule) => readAdapter(layer, settings.name).keys();
  const ofModules = lowRank.filter((entry) => [...partsOf(entry)].includes('lora_A'));
  const parameters = lowRank.flatMap((entry) =>
    peftParameters(entry.module, updatedKernels(partsOf(entry))).map((parameter) => ({
      ...parameter,
      settings: entry.settings,
    })),
  );
  const tfjsLayout = ofModules.filter(
    ({ module, layer }) => incompatibilityOf(module, layer.method)?.tfjsLayout,
  );
  const incompatibilities = [
    ...ofModules.flatMap(({ module, layer }) => incompatibilityOf(module, layer.method)?.reason ?? []),
    ...parameters.flatMap(({ incompatibility }) => incompatibility ?? []),
    ...parameters.flatMap(({ path }) => (dora ? `DoRA of the parameter '${path}'` : [])),
    ...parameters.flatMap((parameter) => ambiguousParameter(parameter, lowRank[0]!.layer.method, all)),
    ...adapted.flatMap(unmappedCopies),
    ...saved.flatMap(({ module }) => ambiguousModuleToSave(module, all)),
  ];
  const targets = ofModules.map(({ module }) => module);
  const stored = [
    ...ofModules.map(({ module, settings }) => storedSettings(module.module, settings)),
    ...parameters.map(({ path, settings }) => storedSettings(path, settings)),
  ];
  const names = [...all.map(({ module }) => module), ...parameters.map(({ path }) => path)];
  return {
    tfjsLayout: new Set(tfjsLayout.map(({ module }) => module)),
    incompatibilities: [...new Set(incompatibilities)],
    config: {
      peft_type: incompatibilities.length > 0 ? TFJS_LORA_TYPE : 'LORA',
      ...rankFields(stored, names),
      target_modules: targetModules(targets, all),
      ...(parameters.length > 0 && { target_parameters: parameters.map(({ path }) => path).sort() }),
      modules_to_save: saved.length > 0 ? saved.map(({ module }) => module.path).sort() : null,
      bias: biasOf(adapted),
      use_rslora: rslora,
      use_dora: dora,
      lora_dropout: dropout,
      init_lora_weights: true,
    },
  };
}

/** The most common rank and alpha, and patterns for the modules and parameters with others. */
function rankFields(
  stored: readonly StoredSettings[],
  names: readonly string[],
): Pick<PeftConfig, 'r' | 'lora_alpha' | 'rank_pattern' | 'alpha_pattern'> {
  const rank = mostCommon(stored.map((entry) => entry.rank));
  const alpha = mostCommon(stored.map((entry) => entry.alpha));
  const ranks = stored.map((entry) => [entry.name, entry.rank] as const);
  const alphas = stored.map((entry) => [entry.name, entry.alpha] as const);
  return {
    r: rank,
    lora_alpha: alpha,
    rank_pattern: patternOf(ranks, rank, names),
    alpha_pattern: patternOf(alphas, alpha, names),
  };
}

/** The name of a module or parameter, with the rank and alpha that the file has for it. */
interface StoredSettings {
  readonly name: string;
  readonly rank: number;
  readonly alpha: number;
}

function storedSettings(name: string, settings: AdapterSettings): StoredSettings {
  const { rank, alpha } = settings.subtractsInitialUpdate ? convertedSettings(settings) : settings;
  return { name, rank, alpha };
}

/** The settings that PEFT has once per adapter. */
function commonSettings(lowRank: readonly AdaptedModule[]): AdapterSettings {
  const [first] = lowRank;
  if (!first) {
    throw new UsageError(
      'peft-incompatible',
      'the adapter has no low-rank update on any layer, which PEFT does not support',
    );
  }
  for (const key of ['rslora', 'dora', 'dropout'] as const) {
    const different = lowRank.find(({ settings }) => settings[key] !== first.settings[key]);
    if (!different) continue;
    throw new UsageError(
      'peft-incompatible',
      `layers differ in ${key} ('${first.module.path}': ${first.settings[key]}, '${different.module.path}': ${different.settings[key]}); PEFT has one value per adapter`,
    );
  }
  return first.settings;
}

/** The incompatibility of a layer whose trained copies have no counterpart in PyTorch; otherwise empty. */
function unmappedCopies({ module, layer, settings }: AdaptedModule): string[] {
  const copies = [...layer.adapters.get(settings.name)!.trainedCopies.keys()];
  if (copies.every((name) => copyLayout(module, name))) return [];
  return [`trained weights of '${module.path}' (${module.className}: PyTorch has no such weights)`];
}

/** The incompatibility of a parameter whose path is the end of another one's; otherwise empty. */
function ambiguousParameter(
  { path }: PeftParameter,
  method: LoraMethod,
  all: readonly PeftModule[],
): string[] {
  const match = all
    .flatMap((module) => possibleParameters(module, method))
    .find((other) => other.path.endsWith(`.${path}`));
  return match ? [`target_parameters '${path}' (PEFT would apply it to '${match.path}' too)`] : [];
}

/**
 * The incompatibility of a layer to save whose path is the end of another layer's path, or of the path of a model around
 * it, also without a dot between; otherwise empty.
 */
function ambiguousModuleToSave({ path }: PeftModule, all: readonly PeftModule[]): string[] {
  const match = all.find(
    (module) =>
      module.path !== path &&
      module.path.split('.').some((_, index, parts) =>
        parts
          .slice(0, index + 1)
          .join('.')
          .endsWith(path),
      ),
  );
  return match ? [`modules_to_save '${path}' (PEFT would apply it to '${match.path}' too)`] : [];
}

function biasOf(adapted: readonly AdaptedModule[]): PeftConfig['bias'] {
  const withBias = adapted.filter(({ settings }) => settings.trainedCopies === 'bias');
  if (withBias.some(({ settings }) => settings.rank === 0)) return 'all';
  return withBias.length > 0 ? 'lora_only' : 'none';
}

/** The names of the modules, or a regular expression if a name is also the end of another module's path. */
function targetModules(targets: readonly PeftModule[], all: readonly PeftModule[]): string | string[] {
  const names = targets.map(({ module }) => module).sort();
  const others = all.filter((module) => !targets.includes(module));
  const ambiguous = names.some((name) => others.some(({ module }) => module.endsWith(`.${name}`)));
  return ambiguous ? names.map(escapeRegExp).join('|') : names;
}

/**
 * The `rank_pattern` or `alpha_pattern`: the values that differ from the usual one.
 *
 * @param values by the names of modules and parameters
 * @param all the names that a pattern could match
 */
function patternOf(
  values: readonly (readonly [string, number])[],
  usual: number,
  all: readonly string[],
): Record<string, number> {
  const patterns: [string, number][] = [];
  for (const [name, value] of values) {
    // PEFT matches a pattern with the end of a path; ^ restricts it to the whole path.
    const ambiguous = all.some((candidate) => candidate.endsWith(`.${name}`));
    const pattern = ambiguous ? `^${escapeRegExp(name)}` : escapeRegExp(name);
    if (value !== usual) patterns.push([pattern, value]);
  }
  return Object.fromEntries(patterns.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The most frequent value; the first of equally frequent ones. */
function mostCommon(values: readonly number[]): number {
  const count = (value: number) => values.filter((candidate) => candidate === value).length;
  return values.reduce((best, value) => (count(value) > count(best) ? value : best), values[0]!);
}
