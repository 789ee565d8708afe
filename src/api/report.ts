/** The entry point `tfjs-lora/report`: reports as text, JSON, Markdown, JUnit and HTML, and gates. Needs no TensorFlow. */
export {
  checkGates,
  type GateResult,
  type Gates,
  readPolicy,
  requireGates,
  validateGates,
} from '../gates/index.ts';
export {
  fromDocument,
  type NamedEvaluation,
  REPORT_FORMATS,
  type RenderOptions,
  type Report,
  type ReportDocument,
  type ReportFormat,
  type RunInfo,
  readReport,
  render as renderReport,
  toDocument,
} from '../report/index.ts';
