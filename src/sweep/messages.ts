import type { TrialDevice, TrialRecord, TrialSpec } from './trial.ts';

/** What a worker process needs before its first trial. Paths are absolute. */
export interface WorkerSetup {
  /** Folder of the sweep. */
  readonly out: string;
  /** Folder of the base model's run. */
  readonly run: string;
  /** Folder of the IDX files. */
  readonly data: string;
  /** Fraction of the training set that is held out. */
  readonly heldOut: number;
  readonly device: TrialDevice;
}

/** Messages from the sweep to a worker process; `set up` comes first. */
export type ToWorker =
  | { readonly type: 'set up'; readonly setup: WorkerSetup }
  | { readonly type: 'run'; readonly spec: TrialSpec }
  | { readonly type: 'stop' };

/** Messages from a worker process to the sweep. */
export type FromWorker =
  | { readonly type: 'progress'; readonly fraction: number }
  | { readonly type: 'finished'; readonly record: TrialRecord }
  /** Stopped and saved. */
  | { readonly type: 'stopped' }
  /** `isKnown`: an error with one line for the user; otherwise a bug with its stack. */
  | { readonly type: 'failed'; readonly message: string; readonly isKnown: boolean };
