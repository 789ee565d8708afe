/** The entry point `tfjs-lora/report`: reports as text, JSON, Markdown, JUnit and HTML, and gates. Needs no TensorFlow. */

export type { ImageDataset } from '../data/index.ts';
export {
  checkGates,
  type GateInput,
  type GateResult,
  type Gates,
  readPolicy,
  requireGates,
  validateGates,
} from '../gates/index.ts';
export type { Evaluation } from '../metrics/index.ts';
export {
  type EvaluationResults,
  type ForgettingGuard,
  type LayerRank,
  type NamedEvaluation,
  parseReport,
  REPORT_FORMATS,
  type RenderOptions,
  type Report,
  type ReportDocument,
  type ReportFormat,
  type Results,
  type RunInfo,
  readReport,
  renderReport,
  resultsOf,
  type Tradeoff,
  type TrainingCurve,
  type ValidationCurve,
} from '../report/index.ts';
