/**
 * The first key that an object of a JSON text has twice, which `JSON.parse` lets pass.
 *
 * @param text JSON that `JSON.parse` accepts; a loop over its characters, because a regular expression runs out
 *   of stack on a string of millions
 */
export function findDuplicateKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '{') open.push(new Set());
    else if (character === '}') open.pop();
    else if (character === '"') {
      const end = endOfString(text, index);
      if (isKey(text, end)) {
        const key = JSON.parse(text.slice(index, end)) as string;
        if (open.at(-1)!.has(key)) return key;
        open.at(-1)!.add(key);
      }
      index = end - 1;
    }
  }
  return undefined;
}

/** Index after the quote that closes the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (text[index] !== '"') index += text[index] === '\\' ? 2 : 1;
  return index + 1;
}

function isKey(text: string, index: number): boolean {
  let next = index;
  while (text[next] === ' ' || text[next] === '\n' || text[next] === '\r' || text[next] === '\t') next++;
  return text[next] === ':';
}
