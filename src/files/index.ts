export { checkDocument } from './document.ts';
export { ensureDir } from './ensure-dir.ts';
export { withFileErrors } from './file-errors.ts';
export { FILE_KIND_BYTES, type FileKind, fileKind, looksLikeIdx } from './file-kind.ts';
export { jsonText, readJson, writeJson } from './json.ts';
export { firstFault } from './schema-fault.ts';
export { readToml } from './toml.ts';
export { writeFileAtomic } from './write-file-atomic.ts';
