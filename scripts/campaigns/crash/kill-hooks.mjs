// Kills this process with SIGKILL before its n-th file operation. Import it before everything else.
//
// Counted are operations that change files: reads change nothing, so being killed before a read is being killed before the
// next change. A write counts twice: before it, and when half of it is done. Removing a folder counts once for each entry.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

const killAt = Number(process.env.CAMPAIGN_KILL_AT ?? Number.POSITIVE_INFINITY);
/** File that gets the operations, one per line, when the process ends by itself. */
const listFile = process.env.CAMPAIGN_OPERATIONS;

const realWriteFileSync = fs.writeFileSync;
/** @type {string[]} */
const operations = [];
/** False while Node removes a folder by calls that are counted as well. */
let counts = true;

/** @param {string} operation */
function before(operation) {
  if (!counts) return;
  operations.push(operation);
  if (operations.length < killAt) return;
  process.kill(process.pid, 'SIGKILL');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); // until the signal arrives
}

/**
 * @param {any} owner
 * @param {string} name
 * @param {(args: any[]) => boolean} [changesFiles]
 */
function countCalls(owner, name, changesFiles = () => true) {
  const real = owner[name];
  owner[name] = function (/** @type {any[]} */ ...args) {
    if (changesFiles(args)) before(`${name} ${describe(args[0])}`);
    return real.apply(this, args);
  };
}

/** @param {any[]} args of `open` */
const opensForWriting = ([, flags = 'r']) => (typeof flags === 'number' ? (flags & 3) !== 0 : flags !== 'r');
/** @param {any[]} args of `write`: the descriptors 0 to 2 are the terminal or a pipe */
const writesToFile = ([fd]) => typeof fd !== 'number' || fd > 2;

const SIMPLE = ['mkdir', 'rename', 'unlink', 'rmdir', 'copyFile', 'symlink', 'truncate', 'utimes', 'mkdtemp'];
for (const name of SIMPLE) {
  countCalls(fs.promises, name);
  countCalls(fs, `${name}Sync`);
}
for (const owner of [fs, fs.promises]) countCalls(owner, 'open', opensForWriting);
countCalls(fs, 'openSync', opensForWriting);
for (const name of ['write', 'writeSync']) countCalls(fs, name, writesToFile);
for (const name of ['appendFile', 'cp', 'lutimes']) countCalls(fs.promises, name);
for (const name of ['appendFileSync', 'cpSync']) countCalls(fs, name);

await hookFileHandles();
hookWholeFiles();
hookRemoval();
syncBuiltinESMExports();

if (listFile) process.on('exit', () => realWriteFileSync(listFile, operations.join('\n')));

/** Methods of open files. Their class is not exported. */
async function hookFileHandles() {
  const file = await fs.promises.open(process.execPath);
  const prototype = Object.getPrototypeOf(file);
  await file.close();
  for (const name of ['write', 'writev', 'truncate', 'sync', 'datasync', 'appendFile']) {
    countCalls(prototype, name);
  }
}

/** Functions that write a whole file. */
function hookWholeFiles() {
  const realWriteFile = fs.promises.writeFile;
  /** @param {any} target @param {any} content @param {any[]} rest */
  const writeFile = async (target, content, ...rest) => {
    before(`writeFile ${describe(target)}`);
    if (operations.length + 1 === killAt && isBytes(content)) {
      await realWriteFile(target, content.slice(0, content.length >> 1), ...rest);
    }
    before(`half of writeFile ${describe(target)}`);
    return await realWriteFile(target, content, ...rest);
  };
  Object.assign(fs.promises, { writeFile });
  /** @param {any} target @param {any} content @param {any[]} rest */
  const writeFileSync = (target, content, ...rest) => {
    before(`writeFileSync ${describe(target)}`);
    return realWriteFileSync(target, content, ...rest);
  };
  Object.assign(fs, { writeFileSync });
}

/** Functions that remove folders, entry by entry. */
function hookRemoval() {
  const { readdirSync, lstatSync } = fs;
  const { rm: realRm } = fs.promises;
  const { rmSync: realRmSync } = fs;
  /** @param {string} path */
  const removeEntries = (path) => {
    if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    for (const entry of readdirSync(path)) {
      removeEntries(join(path, entry));
      before(`rm ${join(path, entry)}`);
      uncounted(() => realRmSync(join(path, entry), { recursive: true }));
    }
  };
  /** @param {any} path @param {any} options */
  const rm = async (path, options = {}) => {
    if (options.recursive) removeEntries(String(path));
    before(`rm ${path}`);
    return await realRm(path, options);
  };
  Object.assign(fs.promises, { rm });
  /** @param {any} path @param {any} options */
  const rmSync = (path, options = {}) => {
    if (options.recursive) removeEntries(String(path));
    before(`rmSync ${path}`);
    return uncounted(() => realRmSync(path, options));
  };
  Object.assign(fs, { rmSync });
}

/** @param {() => void} work */
function uncounted(work) {
  counts = false;
  work();
  counts = true;
}

/** @param {unknown} content */
function isBytes(content) {
  return typeof content === 'string' || content instanceof Uint8Array;
}

/** @param {unknown} target */
function describe(target) {
  return typeof target === 'string' ? target : '(open file)';
}
