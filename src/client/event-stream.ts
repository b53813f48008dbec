/** One server-sent event. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
  /** Last id seen on the stream, empty before the first. */
  readonly id: string;
}

/**
 * Reads a `text/event-stream` body (WHATWG HTML, section 9.2). `onActivity` is called for every chunk, heartbeat comments
 * included, so that the reader can tell a quiet stream from a dead one. The rest of an event cut off by the end is dropped.
 */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
  onActivity: () => void = () => undefined,
): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let pending = '';
  let event = '';
  let id = '';
  let data: string[] = [];
  for await (const chunk of body) {
    onActivity();
    pending += decoder.decode(chunk, { stream: true });
    const lines = pending.split('\n');
    pending = lines.pop() ?? '';
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (data.length > 0) yield { event: event === '' ? 'message' : event, data: data.join('\n'), id };
        event = '';
        data = [];
        continue;
      }
      const [, field, value = ''] = /^([^:]*)(?:: ?([\s\S]*))?$/.exec(line) ?? [];
      if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
      else if (field === 'id') id = value;
    }
  }
}
