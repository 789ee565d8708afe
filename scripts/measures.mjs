// Prints the measures of the source code in docs/architecture.md: node scripts/measures.mjs

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const SHORT_FILE = 25;
const LONG_FUNCTION = 60;
const MAX_PARAMETERS = 5;

const paths = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => join('src', path))
  .sort();

let lines = 0;
let shortFiles = 0;
/** Files in which `rank` is the name of a variable, a property or a parameter. */
const namingRank = new Set();
/** @type {string[]} */
const longFunctions = [];
/** @type {string[]} */
const manyParameters = [];

for (const path of paths) {
  const text = readFileSync(path, 'utf8');
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const fileLines = text.trimEnd().split('\n').length;
  lines += fileLines;
  if (fileLines < SHORT_FILE) shortFiles++;
  visit(source);

  /** @param {ts.Node} node */
  function visit(node) {
    if (ts.isIdentifier(node) && node.text === 'rank') namingRank.add(path);
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const lineOf = (/** @type {number} */ position) => source.getLineAndCharacterOfPosition(position).line;
      const length = lineOf(node.getEnd()) - lineOf(node.getStart()) + 1;
      const name = `${path}: ${node.name?.getText() ?? 'a function without a name'}`;
      if (length > LONG_FUNCTION) longFunctions.push(`${name}, ${length} lines`);
      if (node.parameters.length > MAX_PARAMETERS)
        manyParameters.push(`${name}, ${node.parameters.length} parameters`);
    }
    ts.forEachChild(node, visit);
  }
}

console.log(`files in src: ${paths.length}`);
console.log(`lines in src: ${lines}`);
console.log(`files under ${SHORT_FILE} lines: ${shortFiles}`);
console.log(`files with the name rank: ${namingRank.size}`);
console.log(`functions over ${LONG_FUNCTION} lines: ${longFunctions.length}`, longFunctions);
console.log(
  `functions with more than ${MAX_PARAMETERS} parameters: ${manyParameters.length}`,
  manyParameters,
);
