export { createEventWriter, type EventWriter, type ScalarPoint } from './event-writer.ts';
