import type { AppError, ErrorCode } from '../errors.ts';

/** Options that fix an error, by its code. The library does not know the options, so its messages do not name them. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  'already-exists': 'use --overwrite, or choose another --out',
  'unknown-class': 'choose others with --digits',
  'data-not-found': 'or choose another folder with --data',
  'rank-too-large': '--rank-pattern <layer>=<n> sets it',
  'unfinished-run': 'choose it with --out, and add --resume or --overwrite',
  'resume-conflict': 'omit the option, or train a new run without --resume',
  'other-data': 'name its folder with --data',
  'training-complete': 'use more --steps to train longer',
  'warmup-too-long': 'use a smaller --warmup, or more --steps',
  'validation-unused': 'add --max-drop or --search-strength',
  'validation-empty': 'use another --validation',
  'no-other-classes': 'choose the target digits with --digits',
  'no-baseline': 'name a report or a run with --baseline, or a run with --compare',
  'too-many-trials': 'use --trials <n>, or --yes',
  'no-report': "write one with 'tfjs-lora eval <run> --report <run>/report.json'",
  'no-adapter': 'omit --strength',
  'unknown-architecture': 'choose the model with --architecture or --into',
  'prefixed-names': 'select them with --prefix',
  'base-mismatch': 'use import --any-base to allow another base',
  'base-not-stored': 'name it with --base',
  'platform-unsupported': 'or use --device wasm',
  'cpu-not-set-up': "run 'npx tfjs-lora setup'",
  'cuda-not-set-up': "run 'npx tfjs-lora setup --device cuda'",
  'cuda-unavailable': "'npx tfjs-lora doctor --device cuda' shows what is missing",
  'gpu-memory-full': 'or use --device cpu',
  'out-of-memory':
    'use a smaller --batch-size, end other programs on the GPU (see nvidia-smi), or use --device cpu',
  'device-lost': 'with --resume, training continues from its last checkpoint',
  'pip-missing': 'or set TFJS_LORA_TENSORFLOW to a wheel',
  'download-failed': 'or set TFJS_LORA_TENSORFLOW to a wheel',
  'cache-full': 'or set TFJS_LORA_CACHE to a folder on another disk',
  'native-backend-required': "run 'npx tfjs-lora setup'",
};

/** The option that fixes an error of the library, if there is one. */
export function hintFor(code: ErrorCode): string | undefined {
  return HINTS[code];
}

/** The message of an error, followed by the option that fixes it. */
export function messageWithHint({ code, message }: Pick<AppError, 'code' | 'message'>): string {
  const hint = HINTS[code];
  return hint === undefined ? message : `${message}; ${hint}`;
}
