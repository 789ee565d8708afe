import { useEffect, useRef, useState } from 'preact/hooks';
import { PAGE_FILES, type PageData } from '../../page-data.ts';
import type { PeftFiles } from '../../peft/index.ts';
import { Keep, type Kept } from '../browser/keep.ts';
import { WorkerClient, type WorkerFailure } from '../browser/worker-client.ts';
import type { Accuracy, AdapterFacts, BackendName, Drawing, Reading, Sample } from '../protocol.ts';

/** A line for the user, above the page's parts. */
export interface Notice {
  readonly kind: 'news' | 'problem';
  readonly text: string;
}

/** A lesson that runs or has ended. */
export interface LessonState {
  readonly steps: number;
  readonly losses: readonly number[];
  readonly isRunning: boolean;
}

/** Settings of the next lesson. */
export interface Plan {
  readonly rank: number;
  readonly steps: number;
  readonly replay: boolean;
}

/** Everything that the page shows. */
export interface Classroom {
  readonly data: PageData | undefined;
  readonly backend: BackendName | undefined;
  /** Milliseconds per training step, where measured. */
  readonly speeds: Partial<Record<BackendName, number>> | undefined;
  readonly reading: Reading | undefined;
  /** Whether `reading` is about to change. */
  readonly isReading: boolean;
  readonly samples: readonly Sample[];
  readonly adapter: AdapterFacts | undefined;
  readonly strength: number;
  readonly accuracy: Accuracy | undefined;
  readonly lesson: LessonState | undefined;
  readonly canUndo: boolean;
  readonly notice: Notice | undefined;
}

const EMPTY: Classroom = {
  data: undefined,
  backend: undefined,
  speeds: undefined,
  reading: undefined,
  isReading: false,
  samples: [],
  adapter: undefined,
  strength: 1,
  accuracy: undefined,
  lesson: undefined,
  canUndo: false,
  notice: undefined,
};

/** Measuring keeps the processor busy, so the first drawing comes before it. */
const TRIAL_DELAY_MS = 4000;

/** Another backend is worth the change if it is at least this much faster. */
const WORTH_CHANGING = 0.8;

/** The state of the page and what a user can do. Lives outside of the components, which only show it. */
export class ClassroomModel {
  state: Classroom = EMPTY;
  readonly #notify: () => void;
  #worker = new WorkerClient();
  #keep: Keep | undefined;
  #original: PeftFiles | undefined;
  readonly #history: (AdapterFacts | undefined)[] = [];
  #waiting: Drawing | undefined;
  /** Whether the network has changed since the last reading began. */
  #isOutdated = false;
  /** Called when nothing waits to be read. */
  #afterReading: (() => void)[] = [];

  /** @param notify called after every change of the state */
  constructor(notify: () => void) {
    this.#notify = notify;
  }

  #set(part: Partial<Classroom>): void {
    this.state = { ...this.state, ...part };
    this.#notify();
  }

  /** Shows a problem instead of failing. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#set({ notice: { kind: 'problem', text: (error as Error).message } });
    }
  }

  async start(): Promise<void> {
    await this.#attempt(async () => {
      const wanted = new URLSearchParams(location.search).get('backend') as BackendName | null;
      const { backend, data } = await this.#worker.call('load', document.baseURI, wanted ?? undefined);
      this.#set({ data, backend });
      void this.#readWaiting(); // what was drawn while the network was loading
      await this.#restore(data);
      await this.#refresh();
      if (!wanted) setTimeout(() => void this.#chooseBackend(), TRIAL_DELAY_MS);
    });
  }

  /** What was kept in this browser, or else the run's adapter. */
  async #restore(data: PageData): Promise<void> {
    const onOtherTab = () =>
      this.#set({
        notice: {
          kind: 'news',
          text: 'This page is open in another tab, which has just changed the kept adapter.',
        },
      });
    let kept: Kept | undefined;
    try {
      this.#keep = new Keep(data.baseHash, onOtherTab);
      kept = await this.#keep.read();
    } catch {
      this.#keep = undefined;
      this.#set({ notice: { kind: 'news', text: CANNOT_KEEP } });
    }
    if (data.adapterStrength !== undefined) this.#original = await originalAdapter();
    const files = kept ? kept.adapter : this.#original;
    const strength = kept?.strength ?? data.adapterStrength ?? 1;
    await this.#worker.call('setStrength', strength);
    const adapter = await this.#worker.call('setAdapter', files).catch(() => undefined);
    this.#set({ adapter, strength, samples: kept?.samples ?? [] });
  }

  /** Measures the backends in another worker, and moves to a faster one. */
  async #chooseBackend(): Promise<void> {
    if (this.state.lesson?.isRunning) return;
    const trial = new WorkerClient();
    const speeds: Partial<Record<BackendName, number>> = await trial.call('measure').catch(() => ({}));
    trial.end();
    this.#set({ speeds });
    const fastest = (Object.entries(speeds) as [BackendName, number][]).sort(([, a], [, b]) => a - b)[0];
    if (!fastest) return;
    const [name, ms] = fastest;
    const current = this.state.backend!;
    const isBusy = this.state.lesson?.isRunning;
    if (isBusy || name === current || ms > WORTH_CHANGING * (speeds[current] ?? Number.POSITIVE_INFINITY))
      return;
    const worker = new WorkerClient();
    const { backend } = await worker.call('load', document.baseURI, name);
    await worker.call('setStrength', this.state.strength);
    await worker.call('setAdapter', this.state.adapter?.files);
    if (this.state.lesson?.isRunning) return worker.end();
    this.#worker.end();
    this.#worker = worker;
    this.#endReading();
    this.#set({ backend });
    await this.#refresh();
  }

  /** Reads a drawing. While one is read, only the latest of those that follow is kept. */
  draw(drawing: Drawing | undefined): void {
    if (!drawing) {
      this.#waiting = undefined;
      this.#set({ reading: undefined });
      return;
    }
    this.#waiting = drawing;
    if (!this.state.isReading) void this.#readWaiting();
  }

  /** Reads the latest drawing, or what is shown if the network has changed since. */
  async #readWaiting(): Promise<void> {
    this.#set({ isReading: true });
    while (this.state.data && (this.#waiting || this.#isOutdated)) {
      const [drawing, shown] = [this.#waiting, this.state.reading];
      this.#waiting = undefined;
      this.#isOutdated = false;
      await this.#attempt(async () => {
        if (drawing) return this.#set({ reading: await this.#worker.call('read', drawing) });
        if (!shown) return;
        const again = await this.#worker.call('readPixels', shown.pixels);
        if (this.state.reading === shown) this.#set({ reading: again });
      });
    }
    this.#endReading();
  }

  /** Shows a test image. @returns its pixels */
  async example(): Promise<Uint8Array | undefined> {
    let pixels: Uint8Array | undefined;
    await this.#attempt(async () => {
      ({ pixels } = await this.#worker.call('example'));
      this.#set({ reading: await this.#worker.call('readPixels', pixels) });
    });
    return pixels;
  }

  /** Reads a picture and returns its pixels as the network gets them. Undefined if it is empty. */
  async picture(drawing: Drawing): Promise<Uint8Array | undefined> {
    return (await this.#worker.call('read', drawing))?.pixels;
  }

  #endReading(): void {
    this.#set({ isReading: false });
    for (const resume of this.#afterReading.splice(0)) resume();
  }

  /** Makes a sample of the whole drawing, also of the strokes that are not read yet. */
  async addDrawing(label: number): Promise<void> {
    if (this.state.isReading) await this.#untilRead();
    const { reading } = this.state;
    if (reading) this.addSamples([{ pixels: reading.pixels, label }]);
  }

  addSamples(samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    this.#set({ samples: [...this.state.samples, ...samples] });
    void this.#store();
  }

  removeSample(index: number): void {
    this.#set({ samples: this.state.samples.filter((_, position) => position !== index) });
    void this.#store();
  }

  removeSamples(): void {
    this.#set({ samples: [] });
    void this.#store();
  }

  async teach(plan: Plan): Promise<void> {
    const { samples, adapter: before } = this.state;
    let losses: readonly number[] = [];
    const show = (isRunning: boolean) => this.#set({ lesson: { steps: plan.steps, losses, isRunning } });
    this.#worker.onProgress = (progress) => {
      losses = [...losses, ...progress.losses];
      show(true);
      if (this.state.reading) void this.#readAgain();
    };
    this.#set({ notice: undefined });
    show(true);
    await this.#attempt(async () => {
      const { status, adapter, elapsedMs } = await this.#worker
        .call('teach', { ...plan, samples })
        .catch((error) => Promise.reject(lessonError(error)));
      if (status === 'stopped') {
        this.#set({ notice: { kind: 'news', text: 'Cancelled: the adapter is as it was before.' } });
        return;
      }
      this.#changeAdapter(adapter, before);
      const right = await this.#countRight(samples);
      const seconds = (elapsedMs / 1000).toFixed(1);
      this.#set({
        notice: {
          kind: 'news',
          text: `Learned in ${seconds} seconds. It now reads ${right} of your ${samples.length} samples right.`,
        },
      });
    });
    show(false);
    await this.#refresh();
    await this.#store();
  }

  cancel(): void {
    void this.#worker.call('cancel');
  }

  async setStrength(strength: number): Promise<void> {
    this.#set({ strength });
    await this.#worker.call('setStrength', strength);
    await this.#readAgain();
  }

  /** After the dial was moved: what takes longer. */
  async strengthChosen(): Promise<void> {
    await this.#refresh();
    await this.#store();
  }

  async undo(): Promise<void> {
    if (this.#history.length === 0) return;
    await this.#attempt(async () => {
      const adapter = await this.#worker.call('setAdapter', this.#history.at(-1)?.files);
      this.#history.pop();
      this.#set({ adapter, canUndo: this.#history.length > 0, notice: { kind: 'news', text: 'Undone.' } });
    });
    await this.#refresh();
    await this.#store();
  }

  async reset(): Promise<void> {
    const text = this.#original
      ? "Back to the run's adapter."
      : 'The adapter is removed. Undo brings it back.';
    await this.#replaceAdapter(this.#original, text);
  }

  /** Uses an adapter from files. */
  async loadAdapter(chosen: readonly File[]): Promise<void> {
    await this.#attempt(async () => {
      const { readAdapter } = await import('../browser/adapter-files.ts');
      const files = await readAdapter(chosen);
      try {
        await this.#replaceAdapter(files, 'The adapter is loaded.', true);
      } catch (error) {
        if ((error as WorkerFailure).code !== 'base-mismatch') throw error;
        throw new Error(
          `This adapter was trained on another base network, so it does not fit this one (${(error as Error).message})`,
        );
      }
    });
  }

  async #replaceAdapter(files: PeftFiles | undefined, text: string, throws = false): Promise<void> {
    const before = this.state.adapter;
    const change = async () => {
      const adapter = await this.#worker.call('setAdapter', files);
      this.#changeAdapter(adapter, before);
      this.#set({ notice: { kind: 'news', text } });
    };
    if (throws) await change();
    else await this.#attempt(change);
    await this.#refresh();
    await this.#store();
  }

  /** Offers the adapter as a zip for download. */
  async download(name: string): Promise<void> {
    await this.#attempt(async () => {
      const { downloadAdapter } = await import('../browser/adapter-files.ts');
      downloadAdapter(this.state.adapter!.files, name);
    });
  }

  dismiss(): void {
    this.#set({ notice: undefined });
  }

  report(text: string): void {
    this.#set({ notice: { kind: 'problem', text } });
  }

  #changeAdapter(adapter: AdapterFacts | undefined, before: AdapterFacts | undefined): void {
    this.#history.push(before);
    this.#set({ adapter, canUndo: true });
  }

  async #countRight(samples: readonly Sample[]): Promise<number> {
    let right = 0;
    for (const { pixels, label } of samples) {
      const { on } = await this.#worker.call('readPixels', pixels);
      if (on.indexOf(Math.max(...on)) === label) right++;
    }
    return right;
  }

  /** Reads what is shown with the changed network. A reading under way may be of the network before. */
  async #readAgain(): Promise<void> {
    this.#isOutdated = true;
    if (this.state.isReading) await this.#untilRead();
    else await this.#readWaiting();
  }

  #untilRead(): Promise<void> {
    return new Promise((resolve) => this.#afterReading.push(resolve));
  }

  async #refresh(): Promise<void> {
    await this.#readAgain();
    await this.#attempt(async () => this.#set({ accuracy: await this.#worker.call('evaluate') }));
  }

  async #store(): Promise<void> {
    const { adapter, samples, strength } = this.state;
    try {
      await this.#keep?.write({ adapter: adapter?.files, samples, strength });
    } catch {
      this.#set({ notice: { kind: 'problem', text: CANNOT_KEEP } });
    }
  }
}

const CANNOT_KEEP =
  'This browser stores nothing for this page: it is full, or storage is off. Save the adapter as a file before you close the page.';

/** What a user can do about a lesson that failed. */
function lessonError(error: WorkerFailure): Error {
  if (error.code !== 'diverged') return error;
  return new Error(
    'Learning failed: the numbers of the adapter grew without bounds. The adapter is as it was before. Use fewer steps, ' +
      'remove odd samples, or start again with Reset.',
  );
}

async function originalAdapter(): Promise<PeftFiles> {
  const [config, weights] = await Promise.all([
    fetch(new URL(PAGE_FILES.adapterConfig, document.baseURI)).then((response) => response.text()),
    fetch(new URL(PAGE_FILES.adapterWeights, document.baseURI)).then((response) => response.arrayBuffer()),
  ]);
  return { config, weights: new Uint8Array(weights) };
}

/** The classroom of this page. Components that call it are rendered after every change. */
export function useClassroom(): ClassroomModel {
  const [, render] = useState(0);
  const model = useRef<ClassroomModel>(undefined);
  model.current ??= new ClassroomModel(() => render((count) => count + 1));
  useEffect(() => void model.current!.start(), []);
  return model.current;
}
