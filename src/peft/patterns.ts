import type { PeftModule } from './modules.ts';

/** Escapes a text for use in a regular expression. */
export function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** A value for `LoraConfig.targets` that matches exactly these layers. */
export function exactTargets(modules: readonly PeftModule[]): string {
  return modules.map(({ path }) => escapeRegExp(path)).join('|');
}

/**
 * A `rankPattern` or `alphaPattern` that gives each layer its value. The `^` keeps the patterns from matching the ends of
 * other paths.
 */
export function exactPattern(values: readonly (readonly [PeftModule, number])[]): Record<string, number> {
  return Object.fromEntries(values.map(([{ path }, value]) => [`^${escapeRegExp(path)}`, value]));
}
