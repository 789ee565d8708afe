export { createEventWriter, type ScalarPoint } from './event-writer.ts';
