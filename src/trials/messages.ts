import type { ErrorCode } from '../errors.ts';
import type { TrialDevice, TrialRecord, TrialSpec } from './trial.ts';

/** What a trial process needs before its first trial. Paths are absolute. */
export interface TrialSetup {
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

/** Messages to a trial process; `set up` comes first. */
export type ToProcess =
  | { readonly type: 'set up'; readonly setup: TrialSetup }
  | { readonly type: 'run'; readonly spec: TrialSpec }
  /** Stop the trial in progress. */
  | { readonly type: 'stop' };

/** Messages from a trial process. */
export type FromProcess =
  | { readonly type: 'progress'; readonly fraction: number }
  | { readonly type: 'finished'; readonly record: TrialRecord }
  /** Stopped and saved. */
  | { readonly type: 'stopped' }
  | TrialError;

/** Why a trial has no record. */
export interface TrialError {
  readonly type: 'failed';
  readonly message: string;
  /** Of an error with one line for the user; otherwise it is a bug, and `message` has its stack. */
  readonly error?: {
    readonly exitCode: number;
    readonly code: ErrorCode;
    /** Whether every other trial would fail as well: the base, the images, the device or the disk cannot be used. */
    readonly isCommon: boolean;
  };
}
