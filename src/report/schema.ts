import { z } from 'zod';
import { jsonText } from '../files/index.ts';

/** Increases when an older version of this library would misread a new report. */
export const REPORT_FORMAT_VERSION = 1;

const fraction = z.number().min(0).max(1);
const accuracyChange = z.number().min(-1).max(1);
const count = z.int().min(0);
const step = count.describe('Training steps done.');

const score = z.object({
  support: count.describe('Examples whose true class this is.'),
  errors: count.describe('Examples that were misclassified.'),
  accuracy: fraction.nullable().describe('Null without examples.'),
});
const scoreWithInterval = score.extend({
  interval: z
    .tuple([fraction, fraction])
    .nullable()
    .describe('95 % Wilson score interval of the accuracy; null without examples.'),
});
const averages = z.object({ precision: fraction, recall: fraction, f1: fraction });

const evaluationResults = z.object({
  loss: z.number().describe('Mean cross entropy.'),
  total: scoreWithInterval,
  classes: z.array(
    scoreWithInterval.extend({
      className: z.string(),
      precision: fraction.nullable(),
      recall: fraction.nullable(),
      f1: fraction.nullable(),
    }),
  ),
  macro: averages.describe('Means over the classes that occur as truth or as prediction.'),
  weighted: averages.describe('Means weighted by support.'),
  calibrationError: fraction.describe('Expected calibration error over 15 bins.'),
  confusionMatrix: z
    .array(z.array(count))
    .describe('Counts by true class (row) and predicted class (column).'),
});

const change = z.object({
  before: score,
  after: score,
  gain: accuracyChange.nullable().describe('Accuracy after minus before; null without examples.'),
  fixed: count.describe('Examples misclassified before and correct after.'),
  broken: count.describe('Examples correct before and misclassified after.'),
  pValue: fraction
    .nullable()
    .describe('Exact McNemar test; those of the classes are Holm-corrected. Null without examples.'),
  significant: z.boolean().describe('Whether pValue is below 0.05.'),
});

const comparison = z.object({
  classes: z.array(change.extend({ className: z.string(), isTarget: z.boolean() })),
  total: change,
  target: change.optional().describe('The target classes together.'),
  other: change.optional().describe('The other classes together.'),
  topConfusionChanges: z
    .array(z.object({ truth: z.string(), predicted: z.string(), before: count, after: count }))
    .describe('The confusions (pairs of true and predicted class) whose count changed most.'),
});

const runInfo = z.object({
  command: z.string().describe('The command that wrote the report.'),
  folder: z.string().optional().describe('The run folder, as the user named it.'),
  data: z.string().describe("Where the examples come from, such as 'MNIST test set'."),
  seed: z.int().optional(),
  rank: count.optional(),
  alpha: z.number().optional(),
  method: z.string().optional(),
  strength: fraction.optional().describe('Multiplies alpha / rank of every adapter.'),
  replay: fraction.optional().describe('Fraction of each batch that came from the other classes.'),
  steps: count.optional(),
  batchSize: count.optional(),
  engine: z.string().optional(),
  device: z.string().optional(),
  contentHash: z.string().optional().describe('Content hash of the base model.'),
  versions: z.record(z.string(), z.string()),
});

const trainingCurve = z.object({
  losses: z.base64().describe('Loss of each step, float32 little-endian.'),
  validation: z
    .object({
      examples: count.describe('Examples in the validation set.'),
      points: z.array(z.object({ step, accuracy: fraction })),
    })
    .optional()
    .describe('Accuracy measured while training.'),
});

const tradeoff = z.object({
  gain: accuracyChange.describe('Accuracy gained by the target classes together; negative for a loss.'),
  drop: accuracyChange.describe(
    'Accuracy lost by the other class that lost most; negative if all of them gained.',
  ),
});

const forgettingGuard = z.object({
  examples: count.describe('Examples in the validation set, which is held out of training.'),
  maxDrop: fraction.describe('The most accuracy that any single other class may lose.'),
  training: z
    .object({
      checks: z.array(tradeoff.extend({ step })),
      keptStep: count.describe('The step whose weights were kept.'),
      endedAtStep: count.optional().describe('The step at which the guard ended training early.'),
    })
    .optional()
    .describe('Checks while training.'),
  strengthSearch: z
    .object({
      checks: z.array(tradeoff.extend({ strength: fraction })),
      keptStrength: fraction,
    })
    .optional()
    .describe('Adapter strengths tried after training.'),
});

const layerRank = z.object({
  layer: z.string(),
  rank: z.int().min(1),
  singularValues: z
    .array(z.number().min(0))
    .describe('Singular values of the update that is added to the kernel, largest first.'),
  effectiveRank: z
    .number()
    .min(0)
    .describe(
      'exp of the entropy of the shares of their squares: 1 if one direction carries the whole update, ' +
        'at most the rank, 0 for no update.',
    ),
});

const predictions = z.object({
  name: z.string().describe("Name of the evaluation in tables, such as 'adapter on' or a run folder."),
  loss: z.number().describe('Mean cross entropy.'),
  predictions: z.base64().describe('Predicted label of each example, a byte each.'),
  confidences: z.base64().describe('Softmax probability of each prediction, float32 little-endian.'),
});

/**
 * The schema of `report.json`. It is the source of the TypeScript types below, of the check when a report is read,
 * and of docs/schemas/report.schema.json.
 */
export const reportSchema = z.object({
  format: z.literal('tfjs-lora report'),
  formatVersion: z.literal(REPORT_FORMAT_VERSION),
  createdAt: z.iso.datetime(),
  run: runInfo,
  classNames: z.array(z.string()).min(1).max(256),
  targetLabels: z
    .array(count)
    .describe('Labels (indices into classNames) of the classes that fine-tuning was meant to improve.'),
  results: z
    .object({
      evaluation: evaluationResults,
      baseline: evaluationResults.optional(),
      comparison: comparison.optional(),
    })
    .describe('Computed from the predictions; computed again when a report is read.'),
  gates: z.array(z.object({ gate: z.string(), passed: z.boolean(), message: z.string() })).optional(),
  layers: z.array(layerRank).optional(),
  training: trainingCurve.optional(),
  guard: forgettingGuard.optional(),
  dataHash: z
    .hash('sha256')
    .optional()
    .describe(
      'SHA-256 of the evaluated images and labels: reports with different hashes are not compared. ' +
        'Absent in reports of older versions.',
    ),
  labels: z.base64().describe('True label of each example, a byte each.'),
  evaluation: predictions,
  baseline: predictions.optional(),
});

type DeepReadonly<T> = T extends object ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> } : T;

/** The content of `report.json`. Accuracies and their changes are fractions. */
export type ReportDocument = DeepReadonly<z.infer<typeof reportSchema>>;

/** How the model was trained, and the data it was evaluated on. No result is computed from it. */
export type RunInfo = ReportDocument['run'];

/** The numbers of a report. */
export type Results = ReportDocument['results'];

/** The numbers of one evaluation. */
export type EvaluationResults = Results['evaluation'];

/** Accuracy on the validation set while training. */
export type ValidationCurve = NonNullable<NonNullable<ReportDocument['training']>['validation']>;

/** What the guard against forgetting and the strength search did. */
export type ForgettingGuard = NonNullable<ReportDocument['guard']>;

/** Accuracy gained and lost by fine-tuning, measured on the validation set. */
export type Tradeoff = DeepReadonly<z.infer<typeof tradeoff>>;

/** How much of its rank an adapted layer uses. */
export type LayerRank = NonNullable<ReportDocument['layers']>[number];

/** The JSON Schema of `report.json` as text, the content of docs/schemas/report.schema.json. */
export function reportJsonSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(reportSchema, { io: 'input' });
  const titled = {
    $schema,
    title: 'Report of tfjs-lora',
    description:
      'One evaluation of a classifier, or two evaluations of the same examples. Accuracies are fractions.',
    ...schema,
  };
  return `${jsonText(titled)}\n`;
}
