import { weightPath } from '../lora/index.ts';
import type { PeftModule } from './modules.ts';
import type { PeftParameter } from './parameters.ts';

/** Escapes a text for use in a regular expression. */
export function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** A value for `LoraConfig.targets` that matches exactly these layers. */
export function exactTargets(modules: readonly PeftModule[]): string {
  return modules.map(({ path }) => escapeRegExp(path)).join('|');
}

/** A value for `LoraConfig.targetWeights` that matches exactly these weights. */
export function exactWeights(parameters: readonly PeftParameter[]): string {
  return parameters
    .map(({ peftModule, kernel }) => escapeRegExp(weightPath(peftModule.path, kernel)))
    .join('|');
}

/**
 * A `rankPattern` or `alphaPattern` that gives each layer its value. The `^` keeps the patterns from matching the ends of
 * other paths.
 */
export function exactPattern(values: readonly (readonly [PeftModule, number])[]): Record<string, number> {
  return Object.fromEntries(values.map(([{ path }, value]) => [`^${escapeRegExp(path)}`, value]));
}
