export { fromDocument, toDocument } from './document.ts';
export { REPORT_FILE, readReport } from './read.ts';
export { REPORT_FORMATS, type RenderOptions, type ReportFormat, render as renderReport } from './render.ts';
export type {
  AccuracyPoint,
  LayerRank,
  NamedEvaluation,
  Report,
  Subject,
  TrainingCurve,
} from './report.ts';
export { type EvaluationResults, type Results, resultsOf } from './results.ts';
export type { ReportDocument } from './schema.ts';
