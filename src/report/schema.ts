import { z } from 'zod';

/** Raised when readers of the last version would misread a report. */
export const REPORT_FORMAT_VERSION = 1;

const fraction = z.number().min(0).max(1);
const count = z.int().min(0);
const interval = z.tuple([fraction, fraction]).nullable();

const score = z.object({ support: count, errors: count, accuracy: fraction.nullable() });
const measured = score.extend({ interval });
const averages = z.object({ precision: fraction, recall: fraction, f1: fraction });

const evaluationResults = z.object({
  loss: z.number(),
  total: measured,
  classes: z.array(
    measured.extend({
      className: z.string(),
      precision: fraction.nullable(),
      recall: fraction.nullable(),
      f1: fraction.nullable(),
    }),
  ),
  macro: averages,
  weighted: averages,
  calibrationError: fraction,
  confusionMatrix: z
    .array(z.array(count))
    .describe('Counts by true class (row) and predicted class (column).'),
});

const change = z.object({
  before: score,
  after: score,
  gain: z.number().min(-1).max(1).nullable().describe('Accuracy after minus before.'),
  fixed: count.describe('Examples wrong before and right after.'),
  broken: count.describe('Examples right before and wrong after.'),
  pValue: fraction.nullable().describe('Exact McNemar test; over the classes corrected by Holm.'),
  significant: z.boolean(),
});

const comparison = z.object({
  classes: z.array(change.extend({ className: z.string(), isTarget: z.boolean() })),
  total: change,
  target: change.optional(),
  other: change.optional(),
  topConfusionChanges: z
    .array(z.object({ truth: z.string(), predicted: z.string(), before: count, after: count }))
    .describe('The mistakes whose count changed most.'),
});

const tradeoff = z.object({
  gain: z.number().min(-1).max(1).describe('Gain of the target classes together.'),
  drop: z.number().min(-1).max(1).describe('Loss of the other class that lost most.'),
});

const guard = z.object({
  summary: z.array(z.string()),
  examples: count.describe('Examples held out of training.'),
  maxDrop: fraction,
  checks: z.array(tradeoff.extend({ step: count })).optional(),
  keptStep: count.optional(),
  strengths: z.array(tradeoff.extend({ strength: fraction })).optional(),
  keptStrength: fraction.optional(),
});

const evidence = z.object({
  name: z.string(),
  loss: z.number().describe('Mean cross entropy.'),
  predictions: z.base64().describe('Predicted class of each example, a byte each.'),
  confidences: z.base64().describe('Softmax probability of each prediction, float32 little-endian.'),
});

/** `report.json`. Accuracies are fractions; `results` follows from the predictions and is computed anew when read. */
export const reportSchema = z.object({
  format: z.literal('tfjs-lora report'),
  formatVersion: z.literal(REPORT_FORMAT_VERSION),
  createdAt: z.iso.datetime(),
  subject: z.object({
    command: z.string(),
    run: z.string().optional(),
    data: z.string(),
    seed: z.int().optional(),
    rank: count.optional(),
    alpha: z.number().optional(),
    method: z.string().optional(),
    strength: fraction.optional(),
    replay: fraction.optional(),
    steps: count.optional(),
    batchSize: count.optional(),
    engine: z.string().optional(),
    device: z.string().optional(),
    contentHash: z.string().optional(),
    versions: z.record(z.string(), z.string()),
  }),
  classNames: z.array(z.string()).min(1).max(256),
  targetLabels: z.array(count).describe('Labels of the classes that fine-tuning was meant to improve.'),
  results: z.object({
    evaluation: evaluationResults,
    baseline: evaluationResults.optional(),
    comparison: comparison.optional(),
  }),
  gates: z.array(z.object({ gate: z.string(), passed: z.boolean(), message: z.string() })).optional(),
  layers: z
    .array(
      z.object({
        layer: z.string(),
        rank: z.int().min(1),
        singularValues: z.array(z.number().min(0)),
        effectiveRank: z.number().min(0),
      }),
    )
    .optional(),
  training: z
    .object({
      losses: z.base64().describe('Loss of each step, float32 little-endian.'),
      accuracies: z
        .object({ name: z.string(), points: z.array(z.object({ step: count, accuracy: fraction })) })
        .optional(),
    })
    .optional(),
  guard: guard.optional(),
  labels: z.base64().describe('True class of each example, a byte each.'),
  evaluation: evidence,
  baseline: evidence.optional(),
});

/** The content of `report.json`, as the schema has it. */
export type ReportDocument = z.infer<typeof reportSchema>;
