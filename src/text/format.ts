/** Printed in place of a number that is not defined. */
export const NOT_AVAILABLE = 'n/a';

const integers = new Intl.NumberFormat('en-US');

/** 10000 -> '10,000'. */
export function formatCount(value: number): string {
  return integers.format(value);
}

/** Three significant digits: 1.2345 -> '1.23', 4.5 -> '4.5'. */
export function formatNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** 1234 -> '+1,234', -0.5 with 2 decimals -> '-0.50', 0 -> '0'. */
export function formatSigned(value: number, decimals = 0): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
    signDisplay: 'exceptZero',
  });
}

/** A fraction in per cent, without the sign: 0.8912 -> '89.12', null -> 'n/a'. */
export function formatPercent(fraction: number | null): string {
  return fraction === null ? NOT_AVAILABLE : (fraction * 100).toFixed(2);
}

/** A change of a fraction in percentage points: 0.012 -> '+1.20', null -> 'n/a'. */
export function formatPoints(change: number | null): string {
  return change === null ? NOT_AVAILABLE : formatSigned(change * 100, 2);
}

/** 0.0312 -> '0.031', 0.00002 -> '<0.001', null -> 'n/a'. */
export function formatPValue(p: number | null): string {
  if (p === null) return NOT_AVAILABLE;
  return p < 0.001 ? '<0.001' : p.toFixed(3);
}
