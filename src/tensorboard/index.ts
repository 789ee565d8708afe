export {
  createEventWriter,
  type EventWriter,
  type EventWriterOptions,
  type ScalarPoint,
} from './event-writer.ts';
