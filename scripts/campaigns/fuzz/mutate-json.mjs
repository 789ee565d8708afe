// Damages of JSON that keep it JSON: other types, missing and extra keys, nesting, hostile texts and numbers.
import { HOSTILE_TEXTS, pick } from './mutate-bytes.mjs';

/** @typedef {import('../../../dist/random.js').Random} Random */

const OTHER_VALUES = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  1e308,
  5e-324,
  2 ** 31,
  2 ** 53,
  'text',
  '12',
  [],
  {},
  [null],
  { length: 1e9 },
  [[[]]],
];

/** @type {Readonly<Record<string, (parent: any, key: string, random: Random) => void>>} */
const DAMAGES = {
  'other type': (parent, key, random) => {
    parent[key] = pick(OTHER_VALUES, random);
  },
  'hostile text': (parent, key, random) => {
    parent[key] = pick(HOSTILE_TEXTS, random);
  },
  'other number': (parent, key, random) => {
    const value = Number(parent[key]);
    parent[key] = Number.isFinite(value)
      ? (pick([value + 1, value - 1, -value, value * 1e6], random) ?? 0)
      : 1e9;
  },
  'deleted key': (parent, key) => {
    if (Array.isArray(parent)) parent.splice(Number(key), 1);
    else delete parent[key];
  },
  'extra key': (parent, key, random) => {
    if (Array.isArray(parent)) parent.push(pick([parent[Number(key)], ...OTHER_VALUES], random));
    else define(parent, pick(HOSTILE_TEXTS, random) ?? 'extra', pick(OTHER_VALUES, random));
  },
  'renamed key': (parent, key, random) => {
    const value = parent[key];
    delete parent[key];
    define(parent, pick([...HOSTILE_TEXTS, `${key}x`], random) ?? 'renamed', value);
  },
  'swapped values': (parent, key, random) => {
    const other = pick(Object.keys(parent), random) ?? key;
    [parent[key], parent[other]] = [parent[other], parent[key]];
  },
  nesting: (parent, key, random) => {
    let value = parent[key];
    const depth = pick([1, 50, 3000], random) ?? 1;
    for (let level = 0; level < depth; level++) value = random.below(2) ? [value] : { a: value };
    parent[key] = value;
  },
  repetition: (parent, key) => {
    parent[key] = new Array(5000).fill(parent[key]);
  },
};

/**
 * @param {unknown} content parsed JSON, which is not changed
 * @param {Random} random
 * @returns {{ content: unknown, title: string }}
 */
export function damageJson(content, random) {
  const copy = { root: structuredClone(content) };
  const places = placesIn(copy);
  // The root itself is one of many places.
  const { parent, key } = pick(random.below(20) === 0 ? places : places.slice(1), random) ?? {
    parent: copy,
    key: 'root',
  };
  const title = pick(Object.keys(DAMAGES), random) ?? 'nesting';
  DAMAGES[title]?.(parent, key, random);
  return { content: copy.root, title };
}

/**
 * @param {object} content
 * @returns {{ parent: any, key: string }[]}
 */
function placesIn(content) {
  return Object.entries(content).flatMap(([key, value]) => {
    const inner = typeof value === 'object' && value !== null ? placesIn(value) : [];
    return [{ parent: content, key }, ...inner];
  });
}

/**
 * JSON.parse makes `__proto__` an ordinary key, and so does this.
 *
 * @param {object} parent
 * @param {string} key
 * @param {unknown} value
 */
function define(parent, key, value) {
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

/**
 * JSON text, sometimes as other tools write it.
 *
 * @param {unknown} content
 * @param {Random} random
 */
export function jsonTextOf(content, random) {
  const text = nestedText(content);
  const style = random.below(12);
  if (style === 0) return `\ufeff${text}`;
  if (style === 1) return text.replaceAll('\n', '\r\n');
  return text;
}

/** JSON.stringify of values that may be nested deeply. @param {unknown} content */
function nestedText(content) {
  try {
    return JSON.stringify(content, null, 1) ?? 'null';
  } catch {
    return `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  }
}
