/** What stands where a number is not defined. */
export const NOT_AVAILABLE = 'n/a';

const integers = new Intl.NumberFormat('en-US');

/** 10000 -> '10,000'. */
export function formatCount(value: number): string {
  return integers.format(value);
}

/** 0.8912 -> '89.12'; null -> 'n/a'. */
export function formatPercent(fraction: number | null): string {
  return fraction === null ? NOT_AVAILABLE : (fraction * 100).toFixed(2);
}

/** Three significant digits: 1.2345 -> '1.23', 4.5 -> '4.5'. */
export function formatNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** A change of a fraction in points: 0.012 -> '+1.20'. */
export function formatPoints(gain: number | null): string {
  return gain === null ? NOT_AVAILABLE : formatSigned(gain * 100, 2);
}

/** 1234 -> '+1,234', 0 -> '0'. */
export function formatSigned(value: number, digits = 0): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    signDisplay: 'exceptZero',
  });
}

/** 0.0312 -> '0.031', 0.00002 -> '<0.001'. */
export function probability(p: number | null): string {
  if (p === null) return NOT_AVAILABLE;
  return p < 0.001 ? '<0.001' : p.toFixed(3);
}

/** A name cut to so many letters. */
export function shorten(name: string, letters: number): string {
  return name.length <= letters ? name : `${name.slice(0, letters - 1)}…`;
}
