import { CheckpointError } from '../errors.ts';
import { isSuffix, type LoraMethod } from '../lora/index.ts';
import { LayerExpressions } from '../patterns/index.ts';
import type { SafeTensor } from '../safetensors/index.ts';
import { listNames, quote } from '../text/index.ts';
import { type PeftConfig, TFJS_LORA_TYPE, withConfigErrors } from './config.ts';
import { PREFIX } from './format.ts';
import type { PeftModule } from './modules.ts';
import { type PeftParameter, possibleParameters } from './parameters.ts';

/** A module that gets a low-rank update. */
export interface TargetModule extends PeftModule {
  readonly rank: number;
  readonly alpha: number;
}

/** A parameter that gets a low-rank update. */
export interface TargetParameter extends PeftParameter {
  readonly rank: number;
  readonly alpha: number;
}

/** What a configuration selects. */
export interface SelectedModules {
  /** Modules with a low-rank update. */
  readonly targets: readonly TargetModule[];
  /** Parameters with a low-rank update. */
  readonly parameters: readonly TargetParameter[];
  /** Modules that are trained fully. */
  readonly saved: readonly PeftModule[];
  /** Parts of the configuration that select nothing, in one line each. */
  readonly warnings: readonly string[];
}

/** Layers that an error lists. */
const SHOWN_LAYERS = 40;

/**
 * The modules that get a low-rank update by a configuration, and those that are trained fully, by PEFT's rules
 * (`check_target_module_exists`, `get_pattern_key`, `_set_trainable`).
 *
 * @param configPath names the configuration in errors
 * @param tensors of the weights file
 * @param method how the adapter updates kernels
 * @throws CheckpointError if a regular expression is invalid or not supported, or no layer gets an update
 */
export function selectModules(
  configPath: string,
  config: PeftConfig,
  modules: readonly PeftModule[],
  tensors: ReadonlyMap<string, SafeTensor>,
  method: LoraMethod,
): SelectedModules {
  const possible = modules.flatMap((module) => possibleParameters(module, method));
  const expressions = new LayerExpressions([
    ...modules.map(({ module }) => module),
    ...possible.map(({ path }) => path),
  ]);
  const matching = <T>(key: string, match: () => T) => withConfigErrors(`${configPath}: ${key}`, match);
  const namesToSave = config.modules_to_save ?? [];
  const saved = modules.filter((module) => namesToSave.some((name) => isSaved(module, name, tensors)));
  const targets = modules.filter(
    (module) =>
      !saved.includes(module) &&
      !namesToSave.some((name) =>
        matching('modules_to_save', () => expressions.matchesPart(name, module.module)),
      ) &&
      !matching('exclude_modules', () => isSelected(module, config.exclude_modules ?? [], expressions)) &&
      matching('target_modules', () => isTarget(module, config, expressions)),
  );
  const parameters = possible.filter((parameter) => isTargetParameter(parameter, config, possible));
  if (targets.length === 0 && parameters.length === 0) {
    const patterns = (['target_modules', 'target_parameters'] as const)
      .filter((key) => config[key] && config[key].length > 0)
      .map((key) => `${key} ${quote(config[key])}`);
    throw new CheckpointError(
      'invalid-checkpoint',
      `${configPath}: no layer matches ${patterns.join(' or ')}; ${layerList(modules)}`,
    );
  }
  const patternValue = (key: 'rank_pattern' | 'alpha_pattern', module: string) =>
    matching(key, () =>
      Object.entries(config[key] ?? {}).find(([name]) => expressions.matchesEnd(name, module)),
    )?.[1];
  const settingsOf = (name: string) => ({
    rank: patternValue('rank_pattern', name) ?? config.r,
    alpha: patternValue('alpha_pattern', name) ?? config.lora_alpha,
  });
  return {
    saved,
    targets: targets.map((target) => ({ ...target, ...settingsOf(target.module) })),
    parameters: parameters.map((parameter) => ({ ...parameter, ...settingsOf(parameter.path) })),
    warnings: [
      ...unusedNames(configPath, config, { modules, possible }, (name) =>
        saved.some((module) => isSaved(module, name, tensors)),
      ),
      ...unusedPatterns(
        configPath,
        config,
        [...targets.map(({ module }) => module), ...parameters.map(({ path }) => path)],
        expressions,
      ),
    ],
  };
}

/** The layers of a model, for errors. */
export function layerList(modules: readonly PeftModule[]): string {
  const names = modules.map(({ module }) => module);
  return names.length === 0
    ? 'the model has no layers with weights'
    : `the model's layers are ${listNames(names, SHOWN_LAYERS)}`;
}

/** By PEFT's rules. In an adapter that PEFT cannot load, a name that is the whole path of a parameter means only this one. */
function isTargetParameter(
  { path }: PeftParameter,
  { peft_type: type, target_parameters: names }: PeftConfig,
  possible: readonly PeftParameter[],
): boolean {
  const isWhole = (name: string) => possible.some((parameter) => parameter.path === name);
  return (names ?? []).some((name) =>
    type === TFJS_LORA_TYPE && isWhole(name) ? path === name : isSuffix(path, name),
  );
}

function isTarget(module: PeftModule, config: PeftConfig, expressions: LayerExpressions): boolean {
  const pattern = config.target_modules ?? [];
  if (typeof pattern === 'string' && pattern.toLowerCase() === 'all-linear')
    return module.className === 'Dense';
  if (!isSelected(module, pattern, expressions)) return false;
  const indices = [config.layers_to_transform ?? []].flat();
  // PEFT does not look at the number of a module whose whole name is listed.
  if (indices.length === 0 || pattern.includes(module.module)) return true;
  const patterns = [config.layers_pattern ?? []].flat().map((name) => `(?:.*\\.)?${name}`);
  // Without a pattern PEFT takes a number after any name, but not after the first name of the path.
  const index = layerIndex(module.module, patterns.length > 0 ? patterns : ['.*\\.[^.]*'], expressions);
  return index !== undefined && indices.includes(index);
}

/**
 * The number of the layer that a module is in, such as 3 for `model.layers.3.query`; undefined if there is none after a name
 * that matches one of the patterns. PEFT 0.21 takes the first such number: `re.match(rf"(?:^|.*?\\.){pattern}\\.(\\d+)\\.", module)`.
 */
function layerIndex(
  module: string,
  patterns: readonly string[],
  expressions: LayerExpressions,
): number | undefined {
  const parts = module.split('.');
  const numbers = parts.flatMap((part, index) =>
    index < parts.length - 1 && /^\d+$/.test(part)
      ? [{ number: Number(part), start: `${parts.slice(0, index + 1).join('.')}.` }]
      : [],
  );
  for (const pattern of patterns) {
    const found = numbers.find(({ start }) => expressions.matchesWhole(`${pattern}\\.\\d+\\.`, start));
    if (found) return found.number;
  }
  return undefined;
}

/** Whether an expression matches the whole name of a module, or a name of a list its end. */
function isSelected(
  { module }: PeftModule,
  pattern: string | readonly string[],
  expressions: LayerExpressions,
): boolean {
  return typeof pattern === 'string'
    ? expressions.matchesWhole(pattern, module)
    : pattern.some((name) => isSuffix(module, name));
}

/**
 * Whether a name of `modules_to_save` is that of a module or of a container around it. PEFT compares the ends of names,
 * also within a part between dots; the latter counts here if the file has the module's tensors.
 */
function isSaved(
  { name: path, layouts }: PeftModule,
  name: string,
  tensors: ReadonlyMap<string, SafeTensor>,
): boolean {
  const parts = path.split('.');
  const containers = parts.map((_, index) => parts.slice(0, index + 1).join('.'));
  if (containers.some((container) => isSuffix(container, name))) return true;
  const hasTensors = layouts.some(({ parameter }) => tensors.has(`${PREFIX}${path}.${parameter}`));
  return hasTensors && containers.some((container) => container.endsWith(name));
}

/**
 * A warning about names that no layer has.
 *
 * @param isUsedToSave whether a name of `modules_to_save` selects a module
 */
function unusedNames(
  configPath: string,
  config: PeftConfig,
  {
    modules,
    possible,
  }: { readonly modules: readonly PeftModule[]; readonly possible: readonly PeftParameter[] },
  isUsedToSave: (name: string) => boolean,
): string[] {
  const {
    target_modules: targetModules,
    target_parameters: parameters,
    modules_to_save: namesToSave,
  } = config;
  const unused = [
    ...(Array.isArray(targetModules) ? targetModules : [])
      .filter((name) => !modules.some(({ module }) => isSuffix(module, name)))
      .map((name) => `${name} (target_modules)`),
    ...(parameters ?? [])
      .filter((name) => !possible.some(({ path }) => isSuffix(path, name)))
      .map((name) => `${name} (target_parameters)`),
    ...(namesToSave ?? []).filter((name) => !isUsedToSave(name)).map((name) => `${name} (modules_to_save)`),
  ];
  return unused.length === 0 ? [] : [`${configPath}: ignored names that no layer has: ${listNames(unused)}`];
}

/** A warning about keys of patterns that match no layer with a low-rank update. */
function unusedPatterns(
  configPath: string,
  config: PeftConfig,
  targets: readonly string[],
  expressions: LayerExpressions,
): string[] {
  const unused = (['rank_pattern', 'alpha_pattern'] as const).flatMap((key) =>
    Object.keys(config[key] ?? {})
      .filter((name) =>
        withConfigErrors(
          `${configPath}: ${key}`,
          () => !targets.some((target) => expressions.matchesEnd(name, target)),
        ),
      )
      .map((name) => `${name} (${key})`),
  );
  return unused.length === 0
    ? []
    : [`${configPath}: ignored patterns that match no adapted layer: ${listNames(unused)}`];
}
