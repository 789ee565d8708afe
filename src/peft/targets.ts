import { CheckpointError } from '../errors.ts';
import { isSuffix } from '../lora/index.ts';
import type { PeftConfig } from './config.ts';
import type { PeftModule } from './modules.ts';

/** What a configuration means for one layer. */
export interface TargetedModule extends PeftModule {
  readonly rank: number;
  readonly alpha: number;
}

/**
 * The layers that a configuration puts a low-rank update on, and those that it trains whole, by PEFT's rules
 * (`check_target_module_exists`, `get_pattern_key`).
 *
 * @throws CheckpointError when an expression is none, or nothing matches
 */
export function selectModules(
  source: string,
  config: PeftConfig,
  modules: readonly PeftModule[],
): { targets: readonly TargetedModule[]; saved: readonly PeftModule[] } {
  const { modules_to_save: whole, exclude_modules: excluded, target_modules: wanted } = config;
  const saved = modules.filter(({ path }) => whole?.some((name) => isSuffix(path, name)));
  const targets = modules.filter((one) => {
    if (saved.includes(one) || (excluded && matches(source, 'exclude_modules', one.module, excluded)))
      return false;
    if (wanted === 'all-linear') return one.className === 'Dense';
    return matches(source, 'target_modules', one.module, wanted);
  });
  const names = modules.map(({ module }) => module).join(', ') || 'none';
  if (targets.length === 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: no layer matches target_modules ${JSON.stringify(wanted)}; the model has ${names}`,
    );
  }
  const unused = [
    ...(whole ?? []).filter((name) => !saved.some(({ path }) => isSuffix(path, name))),
    ...(Array.isArray(wanted) ? wanted : []).filter(
      (name) => !modules.some(({ module }) => isSuffix(module, name)),
    ),
  ];
  if (unused.length > 0) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: no layer is called ${unused.join(' or ')}; the model has ${names}`,
    );
  }
  const patternValue = (key: 'rank_pattern' | 'alpha_pattern', module: string) => {
    const patterns = Object.entries(config[key] ?? {});
    return patterns.find(([pattern]) => wholeMatch(source, key, `(.*\\.)?(${pattern})`).test(module))?.[1];
  };
  return {
    saved,
    targets: targets.map((one) => ({
      ...one,
      rank: patternValue('rank_pattern', one.module) ?? config.r,
      alpha: patternValue('alpha_pattern', one.module) ?? config.lora_alpha,
    })),
  };
}

function matches(source: string, key: string, module: string, pattern: string | readonly string[]): boolean {
  if (typeof pattern === 'string') return wholeMatch(source, key, pattern).test(module);
  return pattern.some((name) => isSuffix(module, name));
}

function wholeMatch(source: string, key: string, expression: string): RegExp {
  try {
    return new RegExp(`^(?:${expression})$`);
  } catch (error) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: ${key}: '${expression}' cannot be used as a regular expression`,
      {
        cause: error,
      },
    );
  }
}
