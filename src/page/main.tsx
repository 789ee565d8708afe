import { render } from 'preact';
import { App } from './ui/app.tsx';

const main = document.getElementById('page')!;
main.replaceChildren();
render(<App />, main);
