export { escapeControls, shortenMiddle } from './escape.ts';
export {
  formatCount,
  formatNumber,
  formatPercent,
  formatPoints,
  formatPValue,
  formatSigned,
  NOT_AVAILABLE,
  shorten,
} from './format.ts';
export { plainTable, tableText } from './plain-table.ts';
export { listNames, printable, quote } from './quote.ts';
