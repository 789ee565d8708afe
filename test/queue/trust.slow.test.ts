// What a sweep and a worker do with what others have put into the queue.
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Job, Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { loadMnist } from '../../src/mnist-data-loader/index.ts';
import { queueStatus, runTrialsInQueue, runWorker } from '../../src/queue/index.ts';
import { finetuneSettings, toJson } from '../../src/recipes/index.ts';
import { type RunManifest, readManifest } from '../../src/runs/index.ts';
import {
  dataOf,
  holdOut,
  type TrialRecord,
  type TrialSpec,
  trialId,
  trialRecord,
} from '../../src/trials/index.ts';
import { version } from '../../src/version.ts';
import { workplaceWithBase } from '../helpers/command.ts';
import { type RedisServer, startRedis, withoutRedis } from '../helpers/redis.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';

const sha256 = (content: string) => createHash('sha256').update(content).digest('hex');

describe.skipIf(withoutRedis)('trust', () => {
  useDevice();
  let cwd: string;
  let redis: RedisServer;
  let client: Redis;
  let base: RunManifest;
  let hashes: TrialSpec['data'];
  beforeAll(async () => {
    cwd = await workplaceWithBase();
    base = await readManifest(join(cwd, 'base'));
    hashes = dataOf(holdOut(await loadMnist({ directory: join(cwd, 'data') }), 0.25));
    redis = await startRedis();
    client = redis.client;
  });
  afterAll(() => redis.stop());

  const specOf = (seed: number): TrialSpec => ({
    base: base.contentHash,
    data: hashes,
    device: 'cpu',
    settings: toJson(finetuneSettings({ seed, steps: 1, targetLabels: [2, 3] })),
    version,
  });

  /** A record as a worker would make it, with invented results. */
  const recordOf = (spec: TrialSpec): TrialRecord =>
    trialRecord(spec, {
      status: 'complete',
      result: {
        classes: Array.from({ length: 10 }, () => ({ support: 1, errorsBefore: 0, errorsAfter: 0 })),
        trainableParameters: 1,
        effectiveRank: 1,
        engine: 'graph',
        elapsedMs: 1,
        peakBytes: 1,
      },
    });

  test('a sweep refuses results that are damaged, too large, of another trial, or have other files', async () => {
    const out = await temporaryFolder();
    const sweep = new AbortController();
    const file = (name: string, content: string) => ({
      name,
      bytes: content.length,
      sha256: sha256(content),
    });
    const upload = 'a'.repeat(16);
    const results: ((spec: TrialSpec) => unknown)[] = [
      (spec) => ({ upload, record: recordOf(spec), files: [file('../../../stolen', 'x')] }),
      (spec) => ({ upload, record: recordOf(spec), files: [file('run.json', 'never stored')] }),
      (spec) => ({ upload, record: recordOf(spec), files: [{ ...file('run.json', ''), bytes: 1e12 }] }),
      (spec) => ({ upload, record: recordOf({ ...spec, version: '9' }), files: [] }),
      (spec) => ({ upload: '../..', record: recordOf(spec), files: [] }),
      (spec) => ({ upload, record: recordOf(spec), files: [file('run.json', '{}')] }),
      (spec) => ({ upload, record: recordOf(spec), files: [file('run.json', 'a')] }),
      () => 'x',
    ];
    const reply = async ({ data }: Job) => results[data.settings.seed]!(data);
    const fake = answerSweeps(reply, async (id) => {
      await client.set(`tfjs-lora:result:${id}:${upload}:${sha256('{}')}:0`, '{}');
      await client.set(`tfjs-lora:result:${id}:${upload}:${sha256('a')}:0`, 'b');
    });
    const outcomes = await runTrialsInQueue(
      results.map((_, seed) => specOf(seed)),
      { setup: { out, run: join(cwd, 'base'), data: join(cwd, 'data'), heldOut: 0.25, device: 'cpu' }, base },
      { queue: { url: redis.url }, signal: sweep.signal },
    );
    await fake.close();
    const reasons = outcomes.map((outcome) => (outcome && 'failure' in outcome ? outcome.failure : outcome));
    const damaged = /^its result was damaged 3 times/;
    expect(reasons).toEqual(results.map(() => expect.stringMatching(damaged)));
    expect(reasons[0]).toMatch(/files\.0\.name/);
    expect(reasons[1]).toMatch(/missing/);
    expect(reasons[2]).toMatch(/bytes/);
    expect(reasons[3]).toMatch(/another trial/);
    expect(reasons[4]).toMatch(/upload/);
    expect(reasons[5]).toMatch(/not the run\.json of a run/);
    expect(reasons[6]).toMatch(/another content/);
    expect(await readdir(join(out, 'trials'))).toEqual([]);
  });

  /** Answers the trials of the first sweep that appears. */
  function answerSweeps(reply: (job: Job) => Promise<unknown>, prepare: (id: string) => Promise<void>) {
    let worker: Worker | undefined;
    const timer = setInterval(async () => {
      const [id] = await client.zrange('tfjs-lora:sweeps', 0, 0);
      if (id === undefined || worker) return;
      worker = new Worker(id, reply, {
        connection: { port: redis.port },
        prefix: 'tfjs-lora:trials',
        autorun: false,
      });
      worker.on('error', () => {});
      await prepare(id);
      worker.run().catch(() => {});
    }, 50);
    return {
      close: async () => {
        clearInterval(timer);
        await worker?.close(true);
      },
    };
  }

  const id = 'b'.repeat(16);
  /** A valid sweep with an empty base. */
  const description = () => ({
    id,
    createdAt: new Date().toISOString(),
    version,
    device: 'cpu',
    base: {
      contentHash: base.contentHash,
      isStored: true,
      files: ['model/model.json', 'model/weights.bin'].map((name) => ({
        name,
        bytes: 0,
        sha256: sha256(''),
      })),
      manifest: { ...base, options: {} },
    },
    data: hashes,
    heldOut: 0.25,
    steps: 10,
    total: 1,
    done: 0,
    failed: 0,
  });

  async function announce(sweep: unknown): Promise<void> {
    await client.flushall();
    await client.set(`tfjs-lora:sweep:${id}`, typeof sweep === 'string' ? sweep : JSON.stringify(sweep));
    await client.zadd('tfjs-lora:sweeps', 0, id);
  }

  /** Runs a worker until it has nothing to do, and returns its error and notices. */
  async function work(options: Partial<Parameters<typeof runWorker>[0]> = {}) {
    const notices: string[] = [];
    const error = await runWorker({
      queue: { url: redis.url },
      data: join(cwd, 'data'),
      jobs: 1,
      idleSeconds: 0.1,
      onNotice: (line) => notices.push(line),
      ...options,
    }).catch((reason: Error & { exitCode: number }) => reason);
    return { error, refusals: notices.filter((line) => line.includes('refused')) };
  }

  const withBase = (change: object) => ({ ...description(), base: { ...description().base, ...change } });
  const refused: [string, () => unknown, number, RegExp][] = [
    [
      'of another version',
      () => ({ version: '9.9.9' }),
      7,
      /needs tfjs-lora 9\.9\.9, this is .*; install the same/,
    ],
    ['for another device', () => ({ ...description(), device: 'cuda' }), 2, /needs a worker for cuda/],
    [
      'with more steps than allowed',
      () => ({ ...description(), steps: 1e9 }),
      2,
      /1000000000 steps, .* allows 1000000/,
    ],
    [
      'with other images',
      () => ({ ...description(), data: { ...hashes, train: sha256('') } }),
      3,
      /images are not those/,
    ],
    ['that is not JSON', () => '{', 7, /not valid JSON/],
    ['with an unknown key', () => ({ ...description(), run: '/etc' }), 7, /run/],
    [
      'with another file',
      () => withBase({ files: [{ name: '../x', bytes: 0, sha256: sha256('') }] }),
      7,
      /base\.files/,
    ],
    [
      'whose base has another digest',
      () => withBase({ files: description().base.files.map((file) => ({ ...file, sha256: sha256('x') })) }),
      7,
      /another content than its digest/,
    ],
    ['whose base is too large', () => withBase({ isStored: false }), 4, /too large for the queue/],
    ['whose base is not a run', () => withBase({ manifest: {} }), 4, /run\.json/],
  ];
  test.each(refused)('a worker refuses a sweep %s', async (_title, sweep, exitCode, message) => {
    await announce(sweep());
    const { error, refusals } = await work();
    expect(error).toMatchObject({ exitCode, message: expect.stringMatching(message) });
    expect(refusals).toHaveLength(1);
    const status = await queueStatus({ url: redis.url });
    expect(status.sweeps).toMatchObject([{ id }]);
  });

  test('a worker fails a trial that does not belong to its sweep, without training it', async () => {
    await announce(description());
    const queue = new Queue(id, { connection: { port: redis.port }, prefix: 'tfjs-lora:trials' });
    onTestFinished(async () => await queue.close());
    const spec = { ...specOf(0), device: 'cpu' as const };
    const wrong: [string, unknown][] = [
      [trialId(spec), { ...spec, base: sha256('x') }],
      [trialId(specOf(1)), spec],
      [trialId({ ...spec, version: '9' }), { ...spec, version: '9' }],
      ['../../stolen', spec],
      [trialId(specOf(2)), { ...specOf(2), settings: { ...specOf(2).settings, steps: 11 } }],
      [trialId(specOf(3)), { ...specOf(3), padding: 'x'.repeat(2 ** 17) }],
    ];
    for (const [name, data] of wrong) await queue.add('trial', data, { jobId: `t${name}`, attempts: 3 });
    // The base is never opened, because no trial is trained.
    const local = join(cwd, 'base');
    expect(await work({ base: local, idleSeconds: 1 })).toMatchObject({
      error: { complete: 0, failed: wrong.length },
    });
    const failed = await queue.getFailed();
    expect(failed).toHaveLength(wrong.length);
    expect(failed.map(({ attemptsMade }) => attemptsMade)).toEqual(wrong.map(() => 1));
  });
});
