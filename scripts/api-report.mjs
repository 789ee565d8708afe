// Writes docs/api/<entry point>.api.md: the public names and their types, so that a change of the API shows in review.
// With --check it fails instead if a report is out of date.
import { mkdirSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

mkdirSync('docs/api', { recursive: true });
const check = process.argv.includes('--check');
const outdated = readdirSync('dist/api')
  .filter((file) => file.endsWith('.d.ts'))
  .map((file) => basename(file, '.d.ts'))
  .filter((entry) => !report(entry));
if (outdated.length > 0) {
  console.error(`docs/api is out of date for ${outdated.join(', ')}; run 'npm run api'`);
  process.exitCode = 1;
}

/**
 * @param {string} entry
 * @returns {boolean} whether the report was up to date, or was written
 */
function report(entry) {
  const extractorConfig = ExtractorConfig.prepare({
    configObject: {
      projectFolder: process.cwd(),
      mainEntryPointFilePath: `<projectFolder>/dist/api/${entry}.d.ts`,
      compiler: { tsconfigFilePath: '<projectFolder>/tsconfig.build.json' },
      apiReport: {
        enabled: true,
        reportFolder: '<projectFolder>/docs/api',
        reportTempFolder: '<projectFolder>/dist/.api',
        reportFileName: entry,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        extractorMessageReporting: {
          default: { logLevel: /** @type {any} */ ('none') },
          // A type that a public function uses must be public as well.
          'ae-forgotten-export': { logLevel: /** @type {any} */ ('warning'), addToApiReportFile: true },
        },
        tsdocMessageReporting: { default: { logLevel: /** @type {any} */ ('none') } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: `${process.cwd()}/package.json`,
  });
  const result = Extractor.invoke(extractorConfig, {
    localBuild: !check,
    showVerboseMessages: false,
    messageCallback: (message) => {
      message.handled = true;
    },
  });
  return check ? !result.apiReportChanged : true;
}
