import { z } from 'zod';
import { checkText } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { firstFault, readToml } from '../files/index.ts';
import type { Gates } from './gates.ts';

const fraction = z.number().min(0).max(1);
const points = z.number().min(0).max(100);

const policySchema = z.strictObject({
  'min-accuracy': fraction.optional(),
  'min-digit-accuracy': z.record(z.string(), fraction).optional(),
  'max-digit-drop': points.optional(),
  'max-other-drop': points.optional(),
  'min-gain': z.number().min(-100).max(100).optional(),
  significant: z.boolean().optional(),
});

/**
 * Reads gates from a TOML file. Its keys are those of `Gates` in kebab case, such as `max-digit-drop`;
 * `min-digit-accuracy` is a table of accuracies by class.
 *
 * @throws UsageError naming the file and the first invalid key or value, or the line of a syntax error
 */
export function readPolicy(path: string): Gates {
  checkText('path', path);
  const content = readToml(path);
  const result = policySchema.safeParse(content);
  if (!result.success) {
    const [issue] = result.error.issues;
    if (issue?.code === 'unrecognized_keys') {
      const known = Object.keys(policySchema.shape).join(', ');
      throw new UsageError(
        'invalid-argument',
        `${path}: unknown gate '${issue.keys[0]}'; expected one of ${known}`,
      );
    }
    throw new UsageError('invalid-argument', `${path}: ${firstFault(result.error, content)}`);
  }
  const policy = result.data;
  return {
    minAccuracy: policy['min-accuracy'],
    minDigitAccuracy: policy['min-digit-accuracy'],
    maxDigitDrop: policy['max-digit-drop'],
    maxOtherDrop: policy['max-other-drop'],
    minGain: policy['min-gain'],
    significant: policy.significant,
  };
}
