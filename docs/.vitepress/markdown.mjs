import { existsSync } from 'node:fs';
import { basename, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @import { MarkdownRenderer } from 'vitepress' */

const DOCS = fileURLToPath(new URL('..', import.meta.url));

/**
 * Pages that `npm run docs` copies from files outside docs/, by path in docs/.
 *
 * @type {Readonly<Record<string, string>>}
 */
export const COPIED_PAGES = {
  'reference/contributing.md': 'CONTRIBUTING.md',
  'reference/security.md': 'SECURITY.md',
  'reference/changelog.md': 'CHANGELOG.md',
};

/**
 * Makes links that work in a checkout work on the site. Links to source files, which the site does not contain, become
 * plain text.
 *
 * @param {MarkdownRenderer} md
 */
export function linksToRepository(md) {
  md.core.ruler.push('links-to-repository', ({ tokens, env }) => {
    const page = env.relativePath ?? '';
    if (page.startsWith('reference/') && !(page in COPIED_PAGES)) return;
    const folder = posix.dirname(COPIED_PAGES[page] ?? posix.join('docs', page));
    for (const { children } of tokens) {
      let dropped = false;
      for (const token of children ?? []) {
        if (token.type === 'link_close' && dropped) {
          token.type = 'text';
          dropped = false;
        }
        if (token.type !== 'link_open') continue;
        const [path = '', anchor] = (token.attrGet('href') ?? '').split('#');
        if (path === '' || /^[a-z]+:/.test(path)) continue;
        const link = siteLink(posix.join(folder, path).replace(/\/$/, ''));
        dropped = link === undefined;
        if (dropped) token.type = 'text';
        else token.attrSet('href', anchor === undefined ? `${link}` : `${link}#${anchor}`);
      }
    }
  });
}

/**
 * The page or file of the site that shows a file of the repository; undefined if there is none.
 *
 * @param {string} path
 */
function siteLink(path) {
  const copy = Object.keys(COPIED_PAGES).find((page) => COPIED_PAGES[page] === path);
  if (copy) return `/${copy}`;
  if (path === 'README.md') return '/index.md';
  if (path === 'docs/api') return '/reference/api/index.md';
  if (path === 'examples') return '/reference/examples.md';
  if (/^examples\/[^/]+\.mjs$/.test(path)) return `/reference/examples.md#${basename(path, '.mjs')}`;
  return path.startsWith('docs/') ? path.slice('docs'.length) : undefined;
}

/**
 * Shows `NAME-dark.png` in place of `NAME-light.png` in dark mode, if it exists.
 *
 * @param {MarkdownRenderer} md
 */
export function imagesOfBothThemes(md) {
  const render = md.renderer.rules.image;
  if (!render) return;
  md.renderer.rules.image = (tokens, index, options, env, self) => {
    const token = tokens[index];
    const light = token?.attrGet('src') ?? '';
    const dark = light.replace(/-light\.png$/, '-dark.png');
    if (!token || dark === light || !existsSync(join(DOCS, dark)))
      return render(tokens, index, options, env, self);
    token.attrSet('class', 'light-only');
    const lightImage = render(tokens, index, options, env, self);
    token.attrSet('src', dark);
    token.attrSet('class', 'dark-only');
    return lightImage + render(tokens, index, options, env, self);
  };
}

/**
 * Shows indented code like fenced code: commands, with their output if they start with a prompt, and JavaScript.
 *
 * @param {MarkdownRenderer} md
 */
export function indentedCode(md) {
  md.renderer.rules.code_block = (tokens, index, options, env, self) => {
    const token = tokens[index];
    if (!token) return '';
    const [first = ''] = token.content.split('\n');
    token.info = /^import /.test(first) ? 'js' : /^(npm|npx|pip|tfjs-lora) /.test(first) ? 'sh' : 'text';
    return md.renderer.rules.fence?.(tokens, index, options, env, self) ?? '';
  };
}

/**
 * Keeps short code such as `--resume` on one line.
 *
 * @param {MarkdownRenderer} md
 */
export function unbrokenCode(md) {
  md.core.ruler.push('unbroken-code', ({ tokens }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type === 'code_inline' && token.content.length <= 24) token.attrJoin('class', 'unbroken');
    }
  });
}

/**
 * The anchor of a heading, as on GitHub, so that links work in both places.
 *
 * @param {string} heading
 */
export function anchorOf(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}
