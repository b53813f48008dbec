import { createServer, type Server } from 'node:net';
import { Client } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AnswerCase, GOOD_ANSWERS, HOSTILE_ANSWERS } from '../testing/answers.ts';
import { everySplit, octetByOctet, readAnswer } from '../testing/read-answer.ts';

const octetsOf = (text: string): Buffer => Buffer.from(text, 'latin1');
/** A segment of a socket has at most this; longer octets come in several. */
const segmentsOf = (octets: Buffer): readonly Buffer[] => {
  const segments: Buffer[] = [];
  for (let at = 0; at < octets.length; at += 60_000) segments.push(octets.subarray(at, at + 60_000));
  return segments;
};

describe('answers that can be read in one way only', () => {
  test.each(GOOD_ANSWERS)('$what is read the same wherever it is split', (answer: AnswerCase) => {
    const octets = octetsOf(answer.octets);
    const whole = readAnswer([octets], answer.method);
    expect(whole).toMatchObject({
      outcome: 'whole',
      status: answer.status,
      body: answer.body,
      trailers: answer.trailers ?? [],
      informational: answer.informational ?? [],
      reusable: answer.reusable,
    });
    for (const segments of everySplit(octets)) expect(readAnswer(segments, answer.method)).toEqual(whole);
    expect(readAnswer(octetByOctet(octets), answer.method)).toEqual(whole);
  });

  test('fields come in lower case, in order, and without those of the connection', () => {
    const octets = octetsOf(
      'HTTP/1.1 200 OK\r\nX-B: 1\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 2\r\nx-A: 3\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    expect(readAnswer([octets]).fields).toEqual(['x-b', '1', 'x-a', '3']);
  });

  test('a content-length that nobody may rely on is left out of a 204', () => {
    const octets = octetsOf('HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-A: b\r\n\r\n');
    expect(readAnswer([octets])).toMatchObject({ fields: ['x-a', 'b'], reusable: true });
  });

  test('trailers cannot change what the head said', () => {
    const octets = octetsOf(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\nGrpc-Status: 0\r\n\r\n',
    );
    expect(readAnswer([octets]).trailers).toEqual(['grpc-status', '0']);
  });

  test('a 101 that was asked for hands on what came behind it', () => {
    const octets = octetsOf(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\nfirst octets',
    );
    expect(readAnswer([octets], 'GET', false, true)).toMatchObject({
      outcome: 'switched',
      body: 'first octets',
    });
  });

  test('a large body in many segments keeps its octets', () => {
    const body = Buffer.alloc(200_000, 'abcdefghij');
    const octets = Buffer.concat([
      octetsOf(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`),
      body,
    ]);
    const read = readAnswer(segmentsOf(octets));
    expect(read.body === body.toString('latin1')).toBe(true);
    expect(read.reusable).toBe(true);
  });
});

describe('I26 no answer of a hostile backend leaves its connection usable', () => {
  test.each(HOSTILE_ANSWERS)('$what', ({ octets: text, method }) => {
    const octets = octetsOf(text);
    const whole = readAnswer(segmentsOf(octets), method);
    expect(whole.reusable).toBe(false);
    expect(whole.outcome).not.toBe('open');
    expect(whole.body).not.toContain('evil');
    const splits = octets.length > 2_000 ? [] : everySplit(octets);
    for (const segments of splits) {
      const read = readAnswer(segments, method);
      expect(read.reusable).toBe(false);
      expect(read.outcome).toBe(whole.outcome);
      expect(read.body).not.toContain('evil');
    }
    if (octets.length <= 2_000) expect(readAnswer(octetByOctet(octets), method).outcome).toBe(whole.outcome);
  });

  test('octets that come while no request is under way break the connection', () => {
    const first = octetsOf('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const later = octetsOf('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    expect(readAnswer([first, later], 'GET', false)).toMatchObject({
      outcome: 'whole',
      body: 'ok',
      reusable: false,
    });
  });
});

/** Another implementation as oracle: what this reader takes for whole, undici reads with the same meaning. */
describe('undici reads the same', () => {
  let octets: Buffer = Buffer.alloc(0);
  let server: Server;
  let port = 0;

  beforeAll(async () => {
    server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(octets));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterAll(() => server.close());

  const CONNECTION = new Set([
    'connection',
    'keep-alive',
    'transfer-encoding',
    'upgrade',
    'te',
    'proxy-connection',
  ]);

  async function undiciReads(text: string, method: 'GET' | 'HEAD' = 'GET') {
    octets = octetsOf(text);
    const client = new Client(`http://127.0.0.1:${port}`);
    try {
      const answer = await client.request({ path: '/', method, responseHeaders: 'raw' });
      const raw: unknown = answer.headers;
      const flat = Array.isArray(raw) ? raw.map(String) : [];
      const fields: string[] = [];
      for (let at = 0; at + 1 < flat.length; at += 2) {
        const name = (flat[at] ?? '').toLowerCase();
        // It leaves white space behind values, which is no part of them (RFC 9112 §5).
        if (!CONNECTION.has(name)) fields.push(name, (flat[at + 1] ?? '').trimEnd());
      }
      const body = Buffer.from(await answer.body.arrayBuffer()).toString('latin1');
      return { status: answer.statusCode, fields, body, trailers: answer.trailers };
    } catch {
      return undefined;
    } finally {
      await client.destroy();
    }
  }

  // It takes a 100 only for a request that asked for one.
  const unasked = GOOD_ANSWERS.filter(({ informational = [] }) => !informational.includes(100));
  test.each(unasked)('$what', async ({ octets: text, method }: Pick<AnswerCase, 'octets' | 'method'>) => {
    const theirs = await undiciReads(text, method);
    const ours = readAnswer([octetsOf(text)], method);
    expect(theirs).toBeDefined();
    expect(theirs?.status).toBe(ours.status);
    expect(theirs?.body).toBe(ours.body);
    expect(theirs?.fields).toEqual(ours.fields);
    const trailers: string[] = [];
    for (const [name, value] of Object.entries(theirs?.trailers ?? {}))
      trailers.push(name, String(value).trimEnd());
    expect(trailers).toEqual(ours.trailers);
  });

  const taken = HOSTILE_ANSWERS.filter(
    ({ octets: text, method }) => readAnswer(segmentsOf(octetsOf(text)), method).outcome === 'whole',
  );
  test('some hostile answers are whole up to their surplus', () => expect(taken.length).toBeGreaterThan(3));
  test.each(taken)(
    '$what: the part that is taken means the same',
    async ({ octets: text, method }: Pick<AnswerCase, 'octets' | 'method'>) => {
      const theirs = await undiciReads(text, method);
      if (theirs === undefined) return;
      const ours = readAnswer([octetsOf(text)], method);
      expect(theirs.status).toBe(ours.status);
      expect(theirs.body).toBe(ours.body);
    },
  );
});
