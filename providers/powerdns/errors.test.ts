import { expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { containing } from '../../test/support/matchers.ts';
import { failureOf } from './errors.ts';

const NAMES = [parseName('www.example.com'), parseName('api.example.com')];
const ask = (method: 'GET' | 'PATCH', status: number, error = '', retryAfter?: string) =>
  failureOf(
    { status, body: error === '' ? 'Not JSON' : JSON.stringify({ error }), retryAfter },
    { method, what: 'zone example.com.', names: NAMES },
  );

it.each([
  ['PATCH', 204, undefined],
  ['GET', 200, undefined],
  ['GET', 401, 'denied'],
  ['GET', 403, 'denied'],
  ['GET', 302, 'denied'],
  ['GET', 404, 'gone'],
  ['PATCH', 422, 'invalid'],
  ['PATCH', 413, 'unsupported'],
  ['PATCH', 429, 'throttled'],
  ['GET', 500, 'transient'],
  ['PATCH', 500, 'ambiguous'],
  ['PATCH', 502, 'ambiguous'],
  ['PATCH', 503, 'transient'],
] as const)('%s answered with %i is %s', (method, status, failure) => {
  expect(ask(method, status)?.failure).toBe(failure);
});

// As PowerDNS 4.7 words them.
it.each([
  [`Record api.example.com./A 'x': Parsing record content`, 'api.example.com.'],
  ['RRset www.example.com. IN CNAME: Conflicts with pre-existing RRset', 'www.example.com.'],
  [`Name 'www.example.com.' contains unsupported characters`, 'www.example.com.'],
  ['RRset other.example.org. IN A: Name is out of zone', undefined],
  ['something else', undefined],
])('%s is about %s', (message, group) => {
  expect(ask('PATCH', 422, message)).toMatchObject({ group, message: containing(message) });
});

it('waits as long as it is told', () => {
  expect(ask('GET', 429, '', '7')?.retryAfterMs).toBe(7000);
  expect(ask('GET', 429, '', 'soon')?.retryAfterMs).toBeUndefined();
});
