export { escapeControls, shorten, shortenMiddle } from '../escape.ts';
export { listNames, printable, quote } from '../quote.ts';
export {
  formatCount,
  formatNumber,
  formatPercent,
  formatPoints,
  formatPValue,
  formatSigned,
  NOT_AVAILABLE,
} from './format.ts';
export { plainTable, tableText } from './plain-table.ts';
