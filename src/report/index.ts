export { fromDocument, toDocument } from './document.ts';
export { formatCount, formatNumber, formatPercent } from './format.ts';
export { githubAnnotations } from './github.ts';
export { writeMistakeSheets } from './mistake-sheets.ts';
export { plainTable, tableText } from './plain-table.ts';
export { REPORT_FILE, readReport } from './read.ts';
export {
  REPORT_FORMATS,
  type RenderOptions,
  type ReportFormat,
  render as renderReport,
  render,
} from './render.ts';
export type {
  AccuracyPoint,
  ForgettingGuard,
  LayerRank,
  NamedEvaluation,
  Report,
  RunInfo,
  TrainingCurve,
} from './report.ts';
export { type EvaluationResults, type Results, resultsOf } from './results.ts';
export type { ReportDocument } from './schema.ts';
