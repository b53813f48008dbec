/** Content type of the frames (dnstap.info). */
const CONTENT_TYPE = new TextEncoder().encode('protobuf:dnstap.Dnstap');

/** Types of control frames (Frame Streams). */
export const CONTROL = { ACCEPT: 1, START: 2, STOP: 3, READY: 4, FINISH: 5 } as const;
const FIELD_CONTENT_TYPE = 1;

/** A control frame: escape, length, type, and what the frames to follow are. */
export function controlFrame(type: number): Uint8Array {
  const typed = type !== CONTROL.STOP && type !== CONTROL.FINISH;
  const length = 4 + (typed ? 8 + CONTENT_TYPE.length : 0);
  const frame = new Uint8Array(8 + length);
  const view = new DataView(frame.buffer);
  view.setUint32(4, length);
  view.setUint32(8, type);
  if (typed) {
    view.setUint32(12, FIELD_CONTENT_TYPE);
    view.setUint32(16, CONTENT_TYPE.length);
    frame.set(CONTENT_TYPE, 20);
  }
  return frame;
}
