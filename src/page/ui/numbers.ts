/** 0.934 -> '93 %', 0.9996 -> '99.9 %': never rounded up to all or down to nothing. */
export function percent(share: number): string {
  const value = 100 * share;
  if (value > 99 && value < 100) return `${(Math.floor(value * 10) / 10).toFixed(1)} %`;
  if (value > 0 && value < 1) return '<1 %';
  return `${Math.round(value)} %`;
}

/** Softmax of logits. */
export function probabilities(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

export function indexOfLargest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

/** 3124 -> '3,124' */
export function grouped(count: number): string {
  return count.toLocaleString('en');
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
