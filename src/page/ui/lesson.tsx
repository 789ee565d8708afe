import { useEffect, useState } from 'preact/hooks';
import { decodePicture } from '../browser/pictures.ts';
import type { Sample } from '../protocol.ts';
import type { ClassroomModel } from './classroom.ts';
import { DigitImage } from './digit-image.tsx';
import { LossCurve } from './loss-curve.tsx';
import { grouped } from './numbers.ts';

const RANKS = [1, 2, 4, 8, 16];
const STEPS = [50, 100, 200, 400];

/** The samples, the settings of a lesson, and its progress. */
export function LessonPanel({ classroom }: { readonly classroom: ClassroomModel }) {
  const { samples, lesson, adapter, data } = classroom.state;
  const [rank, setRank] = useState(2);
  const [steps, setSteps] = useState(100);
  const [replay, setReplay] = useState(true);
  useEffect(() => {
    if (adapter && adapter.rank > 0) setRank(adapter.rank);
  }, [adapter]);
  const isRunning = lesson?.isRunning === true;
  const ranks = [...new Set([...RANKS, rank])].sort((a, b) => a - b);
  const startsNew = adapter !== undefined && adapter.rank !== rank;
  return (
    <>
      <Samples classroom={classroom} />
      <form
        class="settings"
        onSubmit={(event) => {
          event.preventDefault();
          if (samples.length > 0 && !isRunning) void classroom.teach({ rank, steps, replay });
        }}
      >
        <label>
          Size of the adapter (rank)
          <select
            id="rank"
            value={rank}
            disabled={isRunning}
            onChange={(event) => setRank(Number(event.currentTarget.value))}
          >
            {ranks.map((value) => (
              <option key={value} value={value}>
                {value} {countText(value, data?.weights)}
              </option>
            ))}
          </select>
        </label>
        <label>
          Training steps
          <select
            id="steps"
            value={steps}
            disabled={isRunning}
            onChange={(event) => setSteps(Number(event.currentTarget.value))}
          >
            {STEPS.map((value) => (
              <option key={value} value={value}>
                {value}
              </option>
            ))}
          </select>
        </label>
        <label class="check">
          <input
            id="replay"
            type="checkbox"
            checked={replay}
            disabled={isRunning}
            onChange={(event) => setReplay(event.currentTarget.checked)}
          />
          <span>
            Practise old digits as well (replay)
            <small>Switch it off to see how quickly a network forgets.</small>
          </span>
        </label>
        <div class="actions">
          {isRunning ? (
            <button type="button" id="cancel" onClick={() => classroom.cancel()}>
              Cancel
            </button>
          ) : (
            <button type="submit" id="teach" class="main" disabled={samples.length === 0}>
              Teach{' '}
              {samples.length > 0 ? `${samples.length} ${samples.length === 1 ? 'sample' : 'samples'}` : ''}
            </button>
          )}
          {startsNew && !isRunning && <span class="note">Another rank starts a new adapter.</span>}
          {samples.length === 0 && (
            <span class="note">Add a sample first: draw a digit and choose what it is.</span>
          )}
        </div>
      </form>
      {lesson && (
        <div class="progress">
          {isRunning && (
            <label>
              Step {lesson.losses.length} of {lesson.steps}
              <progress max={lesson.steps} value={lesson.losses.length} />
            </label>
          )}
          {lesson.losses.length > 0 && <LossCurve losses={lesson.losses} steps={lesson.steps} />}
        </div>
      )}
    </>
  );
}

/** How many numbers an adapter of this rank on all matrices has. */
function countText(
  rank: number,
  weights: readonly { readonly shape: readonly number[] }[] | undefined,
): string {
  const matrices = (weights ?? []).map(({ shape }) => shape).filter(({ length }) => length === 2);
  if (matrices.length === 0) return '';
  const count = matrices.reduce((sum, [inputs, outputs]) => sum + rank * (inputs! + outputs!), 0);
  return `(${grouped(count)} numbers)`;
}

function Samples({ classroom }: { readonly classroom: ClassroomModel }) {
  const { samples, data, lesson } = classroom.state;
  const [label, setLabel] = useState(0);
  const names = data?.classNames ?? [];
  const isRunning = lesson?.isRunning === true;
  const addPictures = async (files: readonly File[]) => {
    const added: Sample[] = [];
    const problems: string[] = [];
    for (const file of files) {
      try {
        const pixels = await classroom.picture(await decodePicture(file));
        if (pixels) added.push({ pixels, label });
        else problems.push(`${file.name} is empty`);
      } catch (error) {
        problems.push((error as Error).message);
      }
    }
    classroom.addSamples(added);
    if (problems.length > 0) classroom.report(problems.slice(0, 3).join('; '));
  };
  return (
    <>
      {samples.length > 0 ? (
        <ul class="samples" aria-label="Samples">
          {samples.map((sample, index) => (
            <li key={sample}>
              <DigitImage pixels={sample.pixels} size={data!.size} label={`a ${names[sample.label]}`} />
              <b aria-hidden="true">{names[sample.label]}</b>
              <button
                type="button"
                class="remove"
                disabled={isRunning}
                aria-label={`Remove sample ${index + 1}, a ${names[sample.label]}`}
                onClick={() => classroom.removeSample(index)}
              >
                &times;
              </button>
            </li>
          ))}
        </ul>
      ) : (
        <p class="note">
          No samples yet. Three to ten drawings of a digit that it misreads are enough. You can also add
          pictures of handwriting.
        </p>
      )}
      <div class="actions">
        <label class="inline">
          Pictures of a
          <select
            id="picture-label"
            value={label}
            onChange={(event) => setLabel(Number(event.currentTarget.value))}
          >
            {names.map((name, value) => (
              <option key={name} value={value}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label class="file">
          <input
            id="pictures"
            type="file"
            accept="image/*"
            multiple
            disabled={isRunning}
            onChange={(event) => {
              const input = event.currentTarget;
              void addPictures([...(input.files ?? [])]).finally(() => {
                input.value = '';
              });
            }}
          />
          <span>Add pictures&hellip;</span>
        </label>
        {samples.length > 0 && (
          <button
            type="button"
            id="remove-samples"
            disabled={isRunning}
            onClick={() => classroom.removeSamples()}
          >
            Remove all samples
          </button>
        )}
      </div>
    </>
  );
}
