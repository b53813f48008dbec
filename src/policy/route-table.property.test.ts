import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CompiledMatch, ValueMatch } from './model.ts';
import { parameterOf, type Routable, RouteTable } from './route-table.ts';

const segment = fc.constantFrom('a', 'b', 'ab', 'c.d');
const path = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.boolean())
  .map(([segments, slash]) => `/${segments.join('/')}${slash && segments.length > 0 ? '/' : ''}`);
const trimmed = path.map((text) => (text.length > 1 && text.endsWith('/') ? text.slice(0, -1) : text));
const valueMatch: fc.Arbitrary<ValueMatch> = fc.record({
  name: fc.constantFrom('x', 'y'),
  type: fc.constantFrom('exact' as const, 'regex' as const),
  value: fc.constantFrom('1', '2', '1|2', '.*'),
});
const match: fc.Arbitrary<CompiledMatch> = fc
  .record({
    path: fc.oneof(
      fc.record({ type: fc.constant('exact' as const), value: path }),
      fc.record({ type: fc.constant('prefix' as const), value: trimmed }),
      fc.record({ type: fc.constant('regex' as const), value: fc.constantFrom('/a.*', '/[ab]/.*', '.*b') }),
    ),
    method: fc.constantFrom(undefined, undefined, 'GET', 'POST'),
    headers: fc.array(valueMatch, { maxLength: 2 }),
    query: fc.array(valueMatch, { maxLength: 1 }),
  })
  .map(({ method, ...rest }) => ({ rule: 'r', ...rest, ...(method === undefined ? {} : { method }) }));
const request: fc.Arbitrary<Routable> = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT'),
  path,
  query: fc.constantFrom('', 'x=1', 'y=2&x=1', 'x=2&x=1', 'x'),
  fields: fc
    .array(fc.tuple(fc.constantFrom('x', 'y', 'z'), fc.constantFrom('1', '2')), { maxLength: 3 })
    .map((pairs) => pairs.flat()),
});

/** The meaning, one match after the other, by the words of `model.ts`. */
function naive(matches: readonly CompiledMatch[], { method, path: at, query, fields }: Routable): number {
  const holds = ({ type, value }: ValueMatch, actual: string | undefined): boolean =>
    actual !== undefined && (type === 'exact' ? actual === value : new RegExp(`^(?:${value})$`).test(actual));
  const field = (name: string): string | undefined => {
    const values = fields.filter((_, index) => index % 2 === 1 && fields[index - 1] === name);
    return values.length === 0 ? undefined : values.join(',');
  };
  return matches.findIndex((candidate) => {
    const { type, value } = candidate.path;
    const fits =
      type === 'exact'
        ? at === value
        : type === 'regex'
          ? new RegExp(`^(?:${value})$`).test(at)
          : value === '/' || at === value || at.startsWith(`${value}/`);
    return (
      fits &&
      (candidate.method === undefined || candidate.method === method) &&
      candidate.headers.every((header) => holds(header, field(header.name))) &&
      candidate.query.every((one) => holds(one, new URLSearchParams(query).get(one.name) ?? undefined))
    );
  });
}

test('the index finds what the first match in order is', () => {
  let found = 0;
  fc.assert(
    fc.property(
      fc.array(match, { maxLength: 20 }),
      fc.array(request, { minLength: 1, maxLength: 5 }),
      (matches, requests) => {
        const table = new RouteTable(matches, (one) => matches.indexOf(one));
        for (const one of requests) {
          const expected = naive(matches, one);
          if (expected >= 0) found += 1;
          expect(table.find(one)?.target ?? -1).toBe(expected);
        }
      },
    ),
    { numRuns: 1500 },
  );
  expect(found).toBeGreaterThan(500);
});

test('a query parameter is found by its decoded name, and the first one counts', () => {
  expect(parameterOf('a%62=1+2%263&ab=4', 'ab')).toBe('1 2&3');
  expect(parameterOf('ab', 'ab')).toBe('');
  expect(parameterOf('abc=1', 'ab')).toBeUndefined();
  expect(parameterOf('ab=%zz', 'ab')).toBe('%zz');
});
