/** The known word that takes the fewest edits, and not too many, to be made of `word`. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const [best] = [...known]
    .map((one) => ({ one, edits: editsBetween(word, one) }))
    .filter(({ one, edits }) => edits <= Math.max(word.length, one.length) / 3)
    .toSorted((a, b) => a.edits - b.edits);
  return best?.one;
}

/** Letters to put in, take out, replace or swap with the next. */
function editsBetween(from: string, to: string): number {
  let [before, last] = [[] as number[], Array.from({ length: to.length + 1 }, (_, length) => length)];
  for (let row = 1; row <= from.length; row++) {
    const line = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      line.push(
        Math.min(
          line[column - 1]! + 1,
          last[column]! + 1,
          last[column - 1]! + (same ? 0 : 1),
          row > 1 && column > 1 && swapped ? before[column - 2]! + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    [before, last] = [last, line];
  }
  return last[to.length]!;
}
