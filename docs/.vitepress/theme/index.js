import { withBase } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import { h } from 'vue';
import './style.css';

/** The page of `play`, which `npm run docs` writes as static files. */
function LiveDemo() {
  const page = withBase('/play/index.html');
  return h('div', { class: 'live-demo' }, [
    h('iframe', { src: page, title: 'Live demo: draw digits and teach the model' }),
    h('a', { href: page, target: '_blank' }, 'Open the demo in its own tab'),
  ]);
}

/** @type {import('vitepress').Theme} */
export default {
  extends: DefaultTheme,
  enhanceApp: ({ app }) => {
    app.component('LiveDemo', LiveDemo);
  },
};
