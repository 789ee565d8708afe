/** Reads and writes adapters. Loaded when needed: it is a third of the code of the worker. */
import * as expressions from 're2js';
import { z } from 'zod';
import { provideExpressions } from '../browser/re2js.ts';

export { loadPeftFiles, peftFiles } from '../../peft/index.ts';

provideExpressions(expressions);
z.config({ jitless: true }); // the page's policy does not allow code from text
