export { fromDocument, toDocument } from './document.ts';
export { githubAnnotations } from './github.ts';
export { REPORT_FILE, readReport } from './read.ts';
export {
  REPORT_FORMATS,
  type RenderOptions,
  type ReportFormat,
  render as renderReport,
  render,
} from './render.ts';
export type { NamedEvaluation, Report, TrainingCurve } from './report.ts';
export { resultsOf } from './results.ts';
export type {
  EvaluationResults,
  ForgettingGuard,
  LayerRank,
  ReportDocument,
  Results,
  RunInfo,
  Tradeoff,
  ValidationCurve,
} from './schema.ts';
