import { useEffect, useState } from 'preact/hooks';
import { droppedFiles } from '../browser/dropped-files.ts';
import { decodePicture, isPicture } from '../browser/pictures.ts';
import type { BackendName } from '../protocol.ts';
import { AccuracyTable } from './accuracy.tsx';
import { AdapterPanel } from './adapter-panel.tsx';
import { type ClassroomModel, useClassroom } from './classroom.ts';
import { DigitImage, toImageData } from './digit-image.tsx';
import { LessonPanel } from './lesson.tsx';
import { Pad } from './pad.tsx';
import { ReadingTable } from './reading.tsx';

/** The whole page. */
export function App() {
  const classroom = useClassroom();
  const { data } = classroom.state;
  const [shown, setShown] = useState<{ readonly image?: ImageData }>();
  useDrops(classroom, setShown);
  return (
    <>
      <header>
        <h1>Teach it your hand</h1>
        <p>
          A small neural network reads the digits that you draw. When it misreads one, show it what you meant
          and press Teach: an adapter of a few thousand numbers learns your handwriting in a second or two,
          and the network itself stays as it is. Everything happens in your browser. Nothing that you draw
          leaves this page.
        </p>
      </header>
      <NoticeLine classroom={classroom} />
      <section aria-labelledby="draw-title">
        <h2 id="draw-title">1. Draw a digit</h2>
        <div class="draw">
          <div class="drawing">
            <Pad onDraw={(drawing) => classroom.draw(drawing)} shown={shown} />
            <p class="note" id="pad-help">
              Draw with a mouse, a pen or a finger. With the keyboard: arrow keys move the pen, Space lowers
              and lifts it, Escape clears.
            </p>
          </div>
          <div class="reading">
            <ReadingTable
              reading={classroom.state.reading}
              isReading={classroom.state.isReading}
              classNames={data?.classNames ?? []}
              hasAdapter={classroom.state.adapter !== undefined}
            />
            {!data && <p class="note">Loading the network&hellip;</p>}
          </div>
          <DrawControls classroom={classroom} setShown={setShown} />
        </div>
      </section>
      <section aria-labelledby="teach-title">
        <h2 id="teach-title">2. Teach it</h2>
        <LessonPanel classroom={classroom} />
      </section>
      <section aria-labelledby="check-title">
        <h2 id="check-title">3. See what it still knows</h2>
        <AccuracyTable accuracy={classroom.state.accuracy} classNames={data?.classNames ?? []} />
      </section>
      <section aria-labelledby="keep-title">
        <h2 id="keep-title">4. Tune it, keep it</h2>
        <AdapterPanel classroom={classroom} />
      </section>
      <Facts classroom={classroom} />
    </>
  );
}

function DrawControls(props: {
  readonly classroom: ClassroomModel;
  readonly setShown: (shown: { readonly image?: ImageData }) => void;
}) {
  const { classroom, setShown } = props;
  const { data, reading, lesson } = classroom.state;
  const clear = () => {
    setShown({});
    classroom.draw(undefined);
  };
  const showExample = async () => {
    const pixels = await classroom.example();
    if (pixels && data) setShown({ image: toImageData(pixels, data.size) });
  };
  const addSample = async (label: number) => {
    await classroom.addDrawing(label);
    clear();
  };
  return (
    <div class="controls">
      <div class="actions">
        <button type="button" id="clear" onClick={clear}>
          Clear
        </button>
        <button type="button" id="example" disabled={!data} onClick={() => void showExample()}>
          Show an example
        </button>
        {data && (
          <span class="seen">
            <DigitImage
              pixels={reading?.pixels}
              size={data.size}
              label={reading ? 'Your drawing as the network gets it' : 'Nothing drawn yet'}
            />
            <span class="note">what it sees</span>
          </span>
        )}
      </div>
      <fieldset class="labels" disabled={!reading || lesson?.isRunning === true}>
        <legend>What did you draw? Choose, and it becomes a sample to learn from.</legend>
        {(data?.classNames ?? []).map((name, label) => (
          <button type="button" key={name} data-label={label} onClick={() => void addSample(label)}>
            {name}
          </button>
        ))}
      </fieldset>
    </div>
  );
}

function NoticeLine({ classroom }: { readonly classroom: ClassroomModel }) {
  const { notice } = classroom.state;
  return (
    <div class="notices">
      <div role="status">{notice?.kind === 'news' && <NoticeText classroom={classroom} />}</div>
      <div role="alert">{notice?.kind === 'problem' && <NoticeText classroom={classroom} />}</div>
    </div>
  );
}

function NoticeText({ classroom }: { readonly classroom: ClassroomModel }) {
  const { kind, text } = classroom.state.notice!;
  return (
    <p class={`notice ${kind}`} id="notice">
      <span>{text}</span>
      <button
        type="button"
        class="remove"
        aria-label="Close this message"
        onClick={() => classroom.dismiss()}
      >
        &times;
      </button>
    </p>
  );
}

const BACKEND_NAMES: Readonly<Record<BackendName, string>> = {
  webgpu: 'WebGPU',
  webgl: 'WebGL',
  wasm: 'WebAssembly',
  cpu: 'JavaScript',
};

function Facts({ classroom }: { readonly classroom: ClassroomModel }) {
  const { backend, speeds, data } = classroom.state;
  const measured = Object.entries(speeds ?? {}) as [BackendName, number][];
  return (
    <footer>
      <p id="backend" data-backend={backend} data-measured={speeds ? 'yes' : 'no'}>
        {backend ? `Runs with ${BACKEND_NAMES[backend]}. ` : ''}
        {measured.length > 0 &&
          `Measured for one training step: ${measured.map(([name, ms]) => `${BACKEND_NAMES[name]} ${ms.toFixed(1)} ms`).join(', ')}.`}
      </p>
      {data && (
        <p>
          Base network: {data.run}, content hash {data.baseHash.slice(0, 12)}. Made with tfjs-lora{' '}
          {data.version}.
        </p>
      )}
    </footer>
  );
}

/** Handles files that are dropped anywhere: an adapter is loaded, a picture is shown on the pad. */
function useDrops(
  classroom: ClassroomModel,
  setShown: (shown: { readonly image?: ImageData }) => void,
): void {
  useEffect(() => {
    const allow = (event: DragEvent) => event.preventDefault();
    const drop = async (event: DragEvent) => {
      event.preventDefault();
      if (!event.dataTransfer || classroom.state.lesson?.isRunning) return;
      const files = await droppedFiles(event.dataTransfer);
      const picture = files.find(isPicture);
      if (!picture) return classroom.loadAdapter(files);
      try {
        const drawing = await decodePicture(picture);
        const pixels = await classroom.picture(drawing);
        if (pixels) setShown({ image: toImageData(pixels, classroom.state.data!.size) });
        classroom.draw(drawing);
      } catch (error) {
        classroom.report((error as Error).message);
      }
    };
    document.addEventListener('dragover', allow);
    document.addEventListener('drop', drop);
    return () => {
      document.removeEventListener('dragover', allow);
      document.removeEventListener('drop', drop);
    };
  }, [classroom]);
}
