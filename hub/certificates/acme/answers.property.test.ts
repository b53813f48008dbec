import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PortolanError } from '../../../src/errors/error.ts';
import { authorizationOf, directoryOf, orderOf, ordersOf, problemOf, renewalInfoOf } from './answers.ts';
import type { AcmeAnswer } from './http.ts';
import { linksOf } from './links.ts';
import { createNonces } from './nonces.ts';
import { MAX_RETRY_AFTER_MS, retryAfterMs } from './retry-after.ts';

const NOW_MS = 1_800_000_000_000;
const url = fc.constantFrom(
  'https://ca.example/1',
  'http://ca.example/1',
  'x',
  'https://u:p@ca.example/',
  '',
);
const anything = fc.oneof(
  fc.jsonValue(),
  url,
  fc.constantFrom('valid', 'pending', '2030-01-01T00:00:00Z', 'dns'),
);
const document = fc.record(
  {
    status: anything,
    identifiers: fc.oneof(anything, fc.array(fc.record({ type: fc.constant('dns'), value: fc.string() }))),
    identifier: fc.oneof(anything, fc.record({ type: fc.constant('dns'), value: fc.string() })),
    authorizations: fc.oneof(anything, fc.array(url)),
    finalize: url,
    challenges: fc.array(
      fc.oneof(
        anything,
        fc.record({
          type: fc.constantFrom('dns-01', 'new-01'),
          url,
          token: anything,
          status: anything,
          error: anything,
        }),
      ),
    ),
    expires: anything,
    error: fc.oneof(
      anything,
      fc.record({ type: anything, detail: anything, subproblems: fc.array(anything) }),
    ),
    type: anything,
    detail: anything,
    subproblems: fc.array(anything),
    orders: fc.oneof(anything, fc.array(url)),
    newNonce: url,
    newAccount: url,
    newOrder: url,
    revokeCert: url,
    meta: anything,
    suggestedWindow: fc.oneof(anything, fc.record({ start: anything, end: anything })),
  },
  { requiredKeys: [] },
);
const answer = fc
  .record({
    body: fc.oneof(
      fc.string(),
      anything.map((v) => JSON.stringify(v)),
      document.map((v) => JSON.stringify(v)),
    ),
    location: fc.option(fc.oneof(url, fc.string()), { nil: undefined }),
    retry: fc.option(fc.oneof(fc.string(), fc.nat().map(String)), { nil: undefined }),
  })
  .map(
    ({ body, location, retry }): AcmeAnswer => ({
      status: 200,
      headers: {
        'content-type': 'application/problem+json',
        ...(location === undefined ? {} : { location }),
        ...(retry === undefined ? {} : { 'retry-after': retry }),
      },
      body,
      url: 'https://ca.example/',
    }),
  );

describe('whatever a CA answers', () => {
  it('is read, or refused in words; nothing else happens', () => {
    const read = (from: AcmeAnswer): readonly unknown[] =>
      [
        () => directoryOf(from),
        () => orderOf(from, undefined, NOW_MS),
        () => authorizationOf(from, 'https://ca.example/a', NOW_MS),
        () => ordersOf(from),
        () => renewalInfoOf(from, NOW_MS),
        () => problemOf(from, NOW_MS),
      ].flatMap((one) => {
        try {
          return [one()];
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(PortolanError);
          expect(PortolanError.from(thrown).code).toBe('ISSUER_UNAVAILABLE');
          return [];
        }
      });
    let taken = 0;
    fc.assert(
      fc.property(answer, (from) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
        for (const one of read(from)) expect(JSON.stringify(one) ?? '').not.toMatch(/[\u0000-\u001f]/);
        taken += read(from).length;
      }),
      { numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it('asks for a wait between nothing and a week', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.nat().map(String),
          fc.date({ noInvalidDate: true }).map((d) => d.toUTCString()),
        ),
        (text) => {
          const ms = retryAfterMs({ 'retry-after': text }, NOW_MS);
          if (ms === undefined) return;
          expect(ms).toBeGreaterThanOrEqual(0);
          expect(ms).toBeLessThanOrEqual(MAX_RETRY_AFTER_MS);
        },
      ),
    );
    expect(retryAfterMs({ 'retry-after': '120' }, NOW_MS)).toBe(120_000);
    expect(retryAfterMs({}, NOW_MS)).toBeUndefined();
    const [date, later] = ['Sat, 01 Jan 2000 00:00:00 GMT', 'Sat, 01 Jan 2000 00:10:00 GMT'];
    // By the CA's own clock: ours may be wrong.
    expect(retryAfterMs({ 'retry-after': later, date }, NOW_MS)).toBe(600_000);
    expect(retryAfterMs({ 'retry-after': later }, Date.parse(date))).toBe(600_000);
    expect(retryAfterMs({ 'retry-after': date }, NOW_MS)).toBe(0);
  });
});

describe('links', () => {
  const base = 'https://ca.example/x/y';
  it.each([
    ['<https://ca.example/2>;rel="next"', ['https://ca.example/2']],
    ['</dir>; rel=index, <../z?a=1,2>; title="t"; rel="other next"', ['https://ca.example/z?a=1,2']],
    ['<https://ca.example/1>;rel="up", <https://ca.example/2>; rel="nextish"', []],
    ['<', []],
    ['', []],
  ])('%s', (header, expected) => {
    expect(linksOf(header, 'next', base, 5)).toEqual(expected);
  });

  it('of several headers are taken up to a bound', () => {
    const headers = Array.from({ length: 9 }, (_, i) => `<https://ca.example/${i}>;rel="alternate"`);
    expect(linksOf(headers, 'alternate', base, 4)).toHaveLength(4);
    expect(linksOf(undefined, 'alternate', base, 4)).toEqual([]);
  });
});

describe('nonces', () => {
  it('are given out once, the newest first, while they are young, and only so many are kept', () => {
    let nowMs = 0;
    const nonces = createNonces(() => nowMs);
    expect(nonces.take()).toBeUndefined();
    for (let i = 0; i < 40; i += 1) nonces.give(`n${i}`);
    nonces.give(undefined);
    const taken = Array.from({ length: 40 }, () => nonces.take());
    expect(taken.slice(0, 32)).toEqual(Array.from({ length: 32 }, (_, i) => `n${39 - i}`));
    expect(taken.slice(32)).toEqual(Array.from({ length: 8 }));
    nonces.give('old');
    nowMs = 5 * 60_000;
    expect(nonces.take()).toBeUndefined();
    nonces.give('before the clock was set back');
    nowMs = 0;
    expect(nonces.take()).toBeUndefined();
  });
});
