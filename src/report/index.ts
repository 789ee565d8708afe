export { areEvaluatedImages } from './evaluated-images.ts';
export { githubAnnotations } from './github.ts';

/** Parts of HTML pages. Loaded when needed: charts take a while to load. */
export const loadHtmlKit = () => import('./html/kit.ts');

export { REPORT_FORMATS, type RenderOptions, type ReportFormat, renderReport } from './render.ts';
export type { NamedEvaluation, Report, TrainingCurve } from './report.ts';
export { parseReport, readReport } from './report-json.ts';
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
