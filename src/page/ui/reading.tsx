import type { Reading } from '../protocol.ts';
import { indexOfLargest, percent, probabilities } from './numbers.ts';

/** What the network reads, without and with the adapter: one pair of bars for each class. */
export function ReadingTable(props: {
  readonly reading: Reading | undefined;
  readonly isReading: boolean;
  readonly classNames: readonly string[];
  readonly hasAdapter: boolean;
}) {
  const { reading, isReading, classNames, hasAdapter } = props;
  const off = reading && probabilities(reading.off);
  const on = reading && probabilities(reading.on);
  return (
    <div>
      <div class="verdicts">
        <Verdict title="Without adapter" values={off} classNames={classNames} id="off" />
        <Verdict
          title={hasAdapter ? 'With adapter' : 'With adapter (none yet)'}
          values={on}
          classNames={classNames}
          id="on"
        />
      </div>
      <table class="bars" aria-busy={isReading}>
        <caption class="hidden">How likely the network finds each answer</caption>
        <colgroup>
          <col class="name" />
          <col />
          <col />
        </colgroup>
        <thead class="hidden">
          <tr>
            <th scope="col">Answer</th>
            <th scope="col">Without adapter</th>
            <th scope="col">With adapter</th>
          </tr>
        </thead>
        <tbody>
          {classNames.map((name, label) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <Bar kind="off" share={off?.[label]} logit={reading?.off[label]} />
              <Bar kind="on" share={on?.[label]} logit={reading?.on[label]} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Verdict(props: {
  readonly title: string;
  readonly values: readonly number[] | undefined;
  readonly classNames: readonly string[];
  readonly id: 'off' | 'on';
}) {
  const { title, values, classNames, id } = props;
  const label = values && indexOfLargest(values);
  return (
    <div class={`verdict ${id}`} id={`verdict-${id}`} aria-live="polite" aria-atomic="true">
      <span class="title">{title}</span>
      <span class="answer">{label === undefined ? '–' : classNames[label]}</span>
      <span class="share">{label === undefined ? 'draw first' : `${percent(values![label]!)} sure`}</span>
    </div>
  );
}

function Bar(props: {
  readonly kind: 'off' | 'on';
  readonly share: number | undefined;
  readonly logit: number | undefined;
}) {
  const { kind, share, logit } = props;
  return (
    <td class={kind} data-logit={logit}>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <rect width="100" height="10" class="track" />
        <rect width={100 * (share ?? 0)} height="10" class="bar" />
      </svg>
      <span>{share === undefined ? '' : percent(share)}</span>
    </td>
  );
}
