import { printable } from '../quote.ts';
import { attemptsFailed, MAX_ATTEMPTS } from '../trials/index.ts';
import { MAX_LOST, type TrialJob } from './trial-queue.ts';

/** Jobs without those that expired, for which BullMQ returns nothing. */
export function present(jobs: readonly (TrialJob | undefined)[]): TrialJob[] {
  return jobs.filter((job) => job?.id !== undefined) as TrialJob[];
}

/** The fraction done of a trial that is being trained. */
export function fractionOf({ progress }: TrialJob): number {
  return typeof progress === 'number' && progress >= 0 && progress <= 1 ? progress : 0;
}

/** Why a trial has failed. */
export function failureOf({ failedReason, attemptsMade }: TrialJob): string {
  const reason = printable(String(failedReason));
  if (/stalled more than/.test(reason)) return `its worker was lost ${MAX_LOST} times`;
  return attemptsMade >= MAX_ATTEMPTS ? attemptsFailed(reason) : reason;
}
