// Part of the public types, which must not need the optional packages bullmq and ioredis.

/** A trial that a worker took. */
export interface WorkerTrial {
  readonly sweep: string;
  readonly trial: string;
  /** `given back` and `lost` trials are trained by other workers. */
  readonly outcome: 'complete' | 'failed' | 'given back' | 'lost';
  /** Why it failed. */
  readonly reason?: string;
  readonly elapsedMs: number;
}

/** Trials of a worker. */
export interface WorkerResult {
  readonly complete: number;
  readonly failed: number;
}
