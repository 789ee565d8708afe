import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Application } from 'typedoc';

/**
 * How typedoc-plugin-markdown writes the pages.
 *
 * @type {Partial<import('typedoc-plugin-markdown').PluginOptions>}
 */
const MARKDOWN = {
  outputFileStrategy: 'modules',
  entryModule: 'index',
  entryFileName: 'index',
  hidePageHeader: true,
  hidePageTitle: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  propertyMembersFormat: 'table',
  tableColumnSettings: { hideModifiers: true, hideInherited: true, hideOverrides: true, hideSources: true },
};

/**
 * Writes a page for each entry point: the public names with their types and docstrings.
 *
 * @param {string} folder
 */
export async function writeApiReference(folder) {
  const app = await Application.bootstrapWithPlugins({
    plugin: ['typedoc-plugin-markdown'],
    out: folder,
    entryPoints: ['src/api/*.ts'],
    exclude: ['src/api/browser.ts'],
    tsconfig: 'tsconfig.build.json',
    readme: 'none',
    disableSources: true,
    excludeExternals: true,
    skipErrorChecking: true, // `npm run types` checks them
    groupOrder: ['Functions', 'Classes', 'Interfaces', 'Type Aliases', 'Variables', 'References'],
    // Types that are not exported, and links to names of tfjs.
    validation: { notExported: false, invalidLink: false },
    logLevel: 'Warn',
    ...MARKDOWN,
  });
  const project = await app.convert();
  if (!project) throw new Error('TypeDoc cannot read src/api');
  await app.generateOutputs(project);
  for (const file of readdirSync(folder)) {
    const entryPoint = file === 'index.md' ? 'tfjs-lora' : `tfjs-lora/${basename(file, '.md')}`;
    const path = join(folder, file);
    writeFileSync(path, `# ${entryPoint}\n\n${readFileSync(path, 'utf8')}`);
  }
}
