const [WIDTH, HEIGHT] = [600, 140];

/** The losses of a lesson, smoothed, from its first step to its last. */
export function LossCurve({ losses, steps }: { readonly losses: readonly number[]; readonly steps: number }) {
  const smooth = smoothed(losses);
  const largest = Math.max(...smooth, 1e-6);
  const points = smooth.map(
    (loss, index) =>
      `${(index / Math.max(1, steps - 1)) * WIDTH},${HEIGHT - (loss / largest) * (HEIGHT - 8)}`,
  );
  const [first, last] = [smooth[0] ?? 0, smooth.at(-1) ?? 0];
  return (
    <figure class="curve">
      <figcaption>
        Error while learning (loss): {first.toFixed(2)} at the start, {last.toFixed(2)} after {losses.length}{' '}
        {losses.length === 1 ? 'step' : 'steps'}. Lower is better.
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="axis" d={`M0 ${HEIGHT} H${WIDTH}`} />
        <polyline points={points.join(' ')} />
      </svg>
    </figure>
  );
}

/** The mean of each loss and up to four before it. */
function smoothed(losses: readonly number[]): number[] {
  return losses.map((_, index) => {
    const part = losses.slice(Math.max(0, index - 4), index + 1);
    return part.reduce((sum, loss) => sum + loss, 0) / part.length;
  });
}
