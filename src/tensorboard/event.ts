import protobuf from 'protobufjs/light.js';

/** The fields used here of tensorboard/compat/proto/{event,summary}.proto. */
const messages = {
  Event: {
    fields: {
      wallTime: { type: 'double', id: 1 },
      step: { type: 'int64', id: 2 },
      fileVersion: { type: 'string', id: 3 },
      summary: { type: 'Summary', id: 5 },
      sessionLog: { type: 'SessionLog', id: 7 },
    },
  },
  Summary: { fields: { value: { rule: 'repeated', type: 'Value', id: 1 } } },
  Value: { fields: { tag: { type: 'string', id: 1 }, simpleValue: { type: 'float', id: 2 } } },
  SessionLog: { fields: { status: { type: 'int32', id: 1 } } },
};

/** SessionLog.START: readers drop what earlier files say about this step and later ones. */
const START = 1;

const eventType = protobuf.Root.fromJSON({ nested: messages }).lookupType('Event');

/** The event that every file begins with. */
export function versionEvent(wallTime: number): Uint8Array {
  return encode({ wallTime, fileVersion: 'brain.Event:2' });
}

/** Says that a run goes on from `step`. */
export function resumeEvent(wallTime: number, step: number): Uint8Array {
  return encode({ wallTime, step, sessionLog: { status: START } });
}

/** Values of one step. */
export function scalarEvent(
  wallTime: number,
  step: number,
  values: Readonly<Record<string, number>>,
): Uint8Array {
  const value = Object.entries(values).map(([tag, simpleValue]) => ({ tag, simpleValue }));
  return encode({ wallTime, step, summary: { value } });
}

function encode(event: Record<string, unknown>): Uint8Array {
  return eventType.encode(eventType.create(event)).finish();
}
