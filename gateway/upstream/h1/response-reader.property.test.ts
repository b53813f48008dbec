import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HOSTILE_ANSWERS } from '../testing/answers.ts';
import { readAnswer } from '../testing/read-answer.ts';

const TOKEN = [...'abcXYZ019!#$%&*+-.^_`|~'];
const name = fc
  .array(fc.constantFrom(...TOKEN), { minLength: 1, maxLength: 8 })
  .map((chars) => `x-${chars.join('')}`);
const value = fc
  .array(fc.constantFrom(...'ab c,;="\t\x80\xff~'), { maxLength: 12 })
  .map((chars) => chars.join('').replace(/^[ \t]+|[ \t]+$/g, ''));
const fields = fc.array(fc.tuple(name, value), { maxLength: 6 });
const body = fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets).toString('latin1'));

interface Answer {
  readonly octets: Buffer;
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  readonly reusable: boolean;
}

const lines = (list: readonly (readonly [string, string])[]): string =>
  list.map(([n, v]) => `${n}: ${v}\r\n`).join('');
const flat = (list: readonly (readonly [string, string])[]): string[] =>
  list.flatMap(([n, v]) => [n.toLowerCase(), v]);

const answer: fc.Arbitrary<Answer> = fc
  .record({
    status: fc.integer({ min: 200, max: 599 }).filter((status) => status !== 204 && status !== 304),
    fields,
    body,
    framing: fc.constantFrom('sized', 'chunked', 'close'),
    cuts: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 5 }),
    trailers: fields,
    extension: fc.constantFrom('', ';a', ';a=b', ';a="b c"'),
  })
  .map((made) => {
    let text = `HTTP/1.1 ${made.status} Some reason\r\n${lines(made.fields)}`;
    const sized = made.framing === 'sized' ? ['content-length', String(made.body.length)] : [];
    if (made.framing === 'sized') text += `Content-Length: ${made.body.length}\r\n\r\n${made.body}`;
    else if (made.framing === 'close') text += `\r\n${made.body}`;
    else {
      text += 'Transfer-Encoding: chunked\r\n\r\n';
      let at = 0;
      for (const cut of [...made.cuts, made.body.length]) {
        const chunk = made.body.slice(at, at + cut);
        at += cut;
        if (chunk !== '') text += `${chunk.length.toString(16)}${made.extension}\r\n${chunk}\r\n`;
      }
      text += `0\r\n${lines(made.trailers)}\r\n`;
    }
    return {
      octets: Buffer.from(text, 'latin1'),
      status: made.status,
      fields: [...flat(made.fields), ...sized],
      body: made.body,
      trailers: made.framing === 'chunked' ? flat(made.trailers) : [],
      reusable: made.framing !== 'close',
    };
  });

const cut = (octets: Buffer, at: readonly number[]): Buffer[] => {
  const points = [...new Set(at.map((point) => point % (octets.length + 1)))].sort((a, b) => a - b);
  const segments: Buffer[] = [];
  let from = 0;
  for (const point of [...points, octets.length]) {
    if (point > from) segments.push(octets.subarray(from, point));
    from = point;
  }
  return segments;
};

test('an answer is read as it was written, however it is cut', () => {
  fc.assert(
    fc.property(answer, fc.array(fc.nat(), { maxLength: 8 }), (made, at) => {
      const read = readAnswer(cut(made.octets, at));
      expect(read.outcome).toBe('whole');
      expect(read.status).toBe(made.status);
      expect(read.fields).toEqual(made.fields);
      expect(read.body).toBe(made.body);
      expect(read.trailers).toEqual(made.trailers);
      expect(read.reusable).toBe(made.reusable);
    }),
    { numRuns: 1_000 },
  );
});

test('I26 octets behind an answer never become part of it, and the connection is not used again', () => {
  fc.assert(
    fc.property(
      answer.filter(({ reusable }) => reusable),
      answer,
      fc.array(fc.nat(), { maxLength: 8 }),
      (made, surplus, at) => {
        const read = readAnswer(cut(Buffer.concat([made.octets, surplus.octets]), at));
        expect(read.status).toBe(made.status);
        expect(read.body).toBe(made.body);
        expect(read.reusable).toBe(false);
      },
    ),
    { numRuns: 500 },
  );
});

test('I26 whatever octets come, reading ends, and cutting them elsewhere changes nothing', () => {
  const seeds = HOSTILE_ANSWERS.filter(({ octets }) => octets.length < 500).map(({ octets }) =>
    Buffer.from(octets, 'latin1'),
  );
  const mutated = fc
    .tuple(
      fc.oneof(
        fc.constantFrom(...seeds),
        answer.map(({ octets }) => octets),
      ),
      fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 9, 10, 13, 32, 48, 58, 59, 255)), { maxLength: 4 }),
    )
    .map(([octets, changes]) => {
      const changed = Buffer.from(octets);
      for (const [at, octet] of changes) changed[at % changed.length] = octet;
      return changed;
    });
  fc.assert(
    fc.property(mutated, fc.array(fc.nat(), { maxLength: 6 }), (octets, at) => {
      const whole = readAnswer([octets]);
      const parts = readAnswer(cut(octets, at));
      expect(whole.outcome).not.toBe('open');
      expect({ ...parts, why: '', body: '' }).toEqual({ ...whole, why: '', body: '' });
      if (whole.outcome === 'whole') expect(parts.body).toBe(whole.body);
    }),
    { numRuns: 2_000 },
  );
});
