export { checkDocument } from './document.ts';
export { ensureDir, removeEmptyFolders } from './ensure-dir.ts';
export { withFileErrors } from './file-errors.ts';
export { FILE_KIND_BYTES, fileKind, looksLikeIdx } from './file-kind.ts';
export { jsonText, parseJson, readJson, writeJson } from './json.ts';
export { wasRunning } from './process.ts';
export { firstFault } from './schema-fault.ts';
export { renameDurably, syncFolder } from './sync-folder.ts';
export {
  releaseTemporary,
  removeLeftFiles,
  temporaryName,
} from './temporary.ts';
export { readToml } from './toml.ts';
export { writeFileAtomic } from './write-file-atomic.ts';
export { recoverFolder, writeFolderAtomic } from './write-folder-atomic.ts';
