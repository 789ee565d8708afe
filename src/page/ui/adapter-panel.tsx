import type { ClassroomModel } from './classroom.ts';
import { grouped, percent } from './numbers.ts';

/** The strength of the adapter, and what can be done with it. */
export function AdapterPanel({ classroom }: { readonly classroom: ClassroomModel }) {
  const { adapter, strength, canUndo, lesson, data } = classroom.state;
  const isRunning = lesson?.isRunning === true;
  const bytes = adapter ? adapter.files.config.length + adapter.files.weights.length : 0;
  return (
    <>
      <p id="adapter-facts" data-rank={adapter?.rank}>
        {adapter
          ? `Your adapter has rank ${adapter.rank}: ${grouped(adapter.parameters)} numbers, ${(bytes / 1000).toFixed(1)} KB.`
          : 'There is no adapter yet. Teach the network something, or load an adapter.'}
      </p>
      <label class="dial">
        <span>
          Strength <output id="strength-value">{percent(strength)}</output>
        </span>
        <input
          id="strength"
          type="range"
          min="0"
          max="1"
          step="0.01"
          value={strength}
          disabled={!adapter || isRunning}
          onInput={(event) => void classroom.setStrength(Number(event.currentTarget.value))}
          onChange={() => void classroom.strengthChosen()}
        />
        <small>
          At 0 % the network reads as if it had learned nothing. Often a strength below 100 % keeps most of
          what it learned and forgets less.
        </small>
      </label>
      <div class="actions">
        <button
          type="button"
          id="undo"
          disabled={!canUndo || isRunning}
          onClick={() => void classroom.undo()}
        >
          Undo
        </button>
        <button
          type="button"
          id="reset"
          disabled={!adapter || isRunning}
          onClick={() => void classroom.reset()}
        >
          Reset
        </button>
        <button
          type="button"
          id="save"
          disabled={!adapter || isRunning}
          onClick={() => void classroom.download(`${data!.run}-adapter`)}
        >
          Save as a file
        </button>
        <label class="file">
          <input
            id="load"
            type="file"
            accept=".zip,.json,.safetensors"
            multiple
            disabled={!data || isRunning}
            onChange={(event) => {
              const input = event.currentTarget;
              const files = [...(input.files ?? [])];
              if (files.length > 0) void classroom.loadAdapter(files);
              input.value = '';
            }}
          />
          <span>Load an adapter&hellip;</span>
        </label>
      </div>
      <p class="note">
        The page keeps the adapter and the samples in this browser. A saved file is a zip in the format of
        Hugging Face PEFT; <code>tfjs-lora import</code> reads it. You can also drop a zip or an adapter's
        folder on this page.
      </p>
    </>
  );
}
