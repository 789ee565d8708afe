import { CheckpointError } from '../errors.ts';
import { isSuffix, matchesPattern, patternValue } from '../lora/index.ts';
import { type PeftConfig, withConfigErrors } from './config.ts';
import type { PeftModule } from './modules.ts';

/** A module that gets a low-rank update. */
export interface TargetModule extends PeftModule {
  readonly rank: number;
  readonly alpha: number;
}

/**
 * The modules that get a low-rank update by a configuration, and those that are trained fully, by PEFT's rules
 * (`check_target_module_exists`, `get_pattern_key`).
 *
 * @param configPath names the configuration in errors
 * @throws CheckpointError if a regular expression is invalid, or a name matches no layer
 */
export function selectModules(
  configPath: string,
  config: PeftConfig,
  modules: readonly PeftModule[],
): { targets: readonly TargetModule[]; saved: readonly PeftModule[] } {
  const {
    target_modules: targetModules,
    exclude_modules: excludeModules,
    modules_to_save: namesToSave,
  } = config;
  const saved = modules.filter((module) => namesToSave?.some((name) => isSuffix(module.name, name)));
  const isTarget = ({ module, className }: PeftModule) =>
    targetModules === 'all-linear'
      ? className === 'Dense'
      : withConfigErrors(`${configPath}: target_modules`, () => matchesPattern(module, targetModules));
  const isExcluded = ({ module }: PeftModule) =>
    withConfigErrors(`${configPath}: exclude_modules`, () => matchesPattern(module, excludeModules ?? []));
  const targets = modules.filter(
    (module) => !saved.includes(module) && !isExcluded(module) && isTarget(module),
  );
  const listed = modules.map(({ module }) => module).join(', ') || 'none';
  if (targets.length === 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${configPath}: no layer matches target_modules ${JSON.stringify(targetModules)}; the model's layers are ${listed}`,
    );
  }
  const unknown = [
    ...(namesToSave ?? []).filter((name) => !saved.some((module) => isSuffix(module.name, name))),
    ...(Array.isArray(targetModules) ? targetModules : []).filter(
      (name) => !modules.some(({ module }) => isSuffix(module, name)),
    ),
  ];
  if (unknown.length > 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${configPath}: unknown layers ${unknown.join(', ')}; the model's layers are ${listed}`,
    );
  }
  const patternValueOf = (key: 'rank_pattern' | 'alpha_pattern', module: string) =>
    withConfigErrors(`${configPath}: ${key}`, () => patternValue(module, config[key] ?? {}));
  return {
    saved,
    targets: targets.map((target) => ({
      ...target,
      rank: patternValueOf('rank_pattern', target.module) ?? config.r,
      alpha: patternValueOf('alpha_pattern', target.module) ?? config.lora_alpha,
    })),
  };
}
