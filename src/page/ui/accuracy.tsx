import type { Accuracy } from '../protocol.ts';
import { percent, sum } from './numbers.ts';

/** How many test images of each class are read right, without and with the adapter. */
export function AccuracyTable(props: {
  readonly accuracy: Accuracy | undefined;
  readonly classNames: readonly string[];
}) {
  const { accuracy, classNames } = props;
  if (!accuracy) return <p class="note">Counting&hellip;</p>;
  const { totals, off, on } = accuracy;
  const count = sum(totals);
  return (
    <>
      <p id="accuracy" data-off={sum(off)} data-on={sum(on)} data-count={count}>
        Of {count} test images that nobody taught it, it reads <b>{percent(sum(off) / count)}</b> right
        without the adapter and <b>{percent(sum(on) / count)}</b> with it. {changeText(accuracy, classNames)}
      </p>
      <div class="scroll">
        <table class="accuracy">
          <thead>
            <tr>
              <th scope="col">Digit</th>
              <th scope="col">Without</th>
              <th scope="col">With</th>
              <th scope="col">Change</th>
              <td class="wide" />
            </tr>
          </thead>
          <tbody>
            {classNames.map((name, label) => {
              const [before, after] = [
                off[label]! / (totals[label]! || 1),
                on[label]! / (totals[label]! || 1),
              ];
              return (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{percent(before)}</td>
                  <td>{percent(after)}</td>
                  <td class={after < before ? 'worse' : after > before ? 'better' : ''}>
                    {after === before
                      ? '0'
                      : `${after > before ? '+' : '−'}${Math.abs(100 * (after - before)).toFixed(0)}`}
                  </td>
                  <td class="wide" aria-hidden="true">
                    <Dumbbell before={before} after={after} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** Which class lost most, if one lost more than one image. */
function changeText({ totals, off, on }: Accuracy, classNames: readonly string[]): string {
  const losses = off.map((correct, label) => correct - on[label]!);
  const worst = losses.indexOf(Math.max(...losses));
  if (losses[worst]! <= 1) return '';
  return `The adapter costs most for ${classNames[worst]}: ${losses[worst]} of ${totals[worst]} images that it read before.`;
}

function Dumbbell({ before, after }: { readonly before: number; readonly after: number }) {
  const x = (share: number) => 4 + 192 * share;
  return (
    <svg viewBox="0 0 200 12" aria-hidden="true">
      <path class="track" d="M4 6 H196" />
      <path class={after < before ? 'loss' : 'gain'} d={`M${x(before)} 6 H${x(after)}`} />
      <circle class="before" cx={x(before)} cy="6" r="3.2" />
      <circle class="after" cx={x(after)} cy="6" r="3.6" />
    </svg>
  );
}
