import type { Fields } from '../../request.ts';
import { ResponseReader } from '../h1/response-reader.ts';

/** What was read of an answer. */
export interface ReadAnswer {
  readonly informational: readonly number[];
  readonly status: number | undefined;
  readonly fields: Fields;
  readonly body: string;
  readonly trailers: Fields;
  /** `whole`: told to the end; `broken`: refused, and why; `open`: more would have to come. */
  readonly outcome: 'whole' | 'broken' | 'open' | 'switched';
  readonly why: string;
  /** The connection may carry another request. */
  readonly reusable: boolean;
}

/** Reads the answer to one request from segments, as a connection does. @param ended the backend closes after the last one */
export function readAnswer(
  segments: readonly Buffer[],
  method = 'GET',
  ended = true,
  upgrading = false,
): ReadAnswer {
  const informational: number[] = [];
  const body: Buffer[] = [];
  let status: number | undefined;
  let fields: Fields = [];
  let trailers: Fields = [];
  let outcome: ReadAnswer['outcome'] = 'open' as ReadAnswer['outcome'];
  let why = '';
  let keepAlive = false;
  let surplusCame = false;
  const reader = new ResponseReader({
    informational: (head) => informational.push(head.status),
    response: (head) => {
      status = head.status;
      fields = head.fields;
      keepAlive = head.keepAlive;
    },
    data: (buffer, start, end) => body.push(Buffer.from(buffer.subarray(start, end))),
    complete: (last, surplus) => {
      trailers = last;
      outcome = 'whole';
      surplusCame = surplus;
    },
    switched: (head, rest) => {
      status = head.status;
      outcome = 'switched';
      body.push(rest);
    },
    broken: (what) => {
      // Octets after a whole answer close the connection; the answer stays.
      if (outcome === 'whole') surplusCame = true;
      else outcome = 'broken';
      why = what;
    },
  });
  reader.begin(method, upgrading);
  const landing = Buffer.alloc(65_536, '\r\n\r\n');
  for (const segment of segments) {
    // As on a socket: all segments land in one buffer, in front of what an earlier one left.
    segment.copy(landing);
    reader.read(landing, segment.length);
  }
  if (ended) reader.end();
  return {
    informational,
    status,
    fields,
    body: Buffer.concat(body).toString('latin1'),
    trailers,
    outcome,
    why,
    reusable: outcome === 'whole' && keepAlive && !surplusCame && reader.idle,
  };
}

/** All ways to cut octets in two. */
export function* everySplit(octets: Buffer): Generator<readonly Buffer[]> {
  for (let at = 1; at < octets.length; at += 1) yield [octets.subarray(0, at), octets.subarray(at)];
}

export function octetByOctet(octets: Buffer): readonly Buffer[] {
  return [...octets].map((octet) => Buffer.of(octet));
}
