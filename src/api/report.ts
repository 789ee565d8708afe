/** The entry point `tfjs-lora/report`: reports as text, JSON, Markdown, JUnit and HTML, and gates. Needs no TensorFlow. */

export type { ImageDataset } from '../data/index.ts';
export {
  checkGates,
  type GateResult,
  type Gates,
  type Judged,
  readPolicy,
  requireGates,
  validateGates,
} from '../gates/index.ts';
export type { Evaluation } from '../metrics/index.ts';
export {
  type ForgettingGuard,
  fromDocument,
  type LayerRank,
  type NamedEvaluation,
  REPORT_FORMATS,
  type RenderOptions,
  type Report,
  type ReportDocument,
  type ReportFormat,
  type RunInfo,
  readReport,
  render as renderReport,
  type Tradeoff,
  type TrainingCurve,
  toDocument,
} from '../report/index.ts';
