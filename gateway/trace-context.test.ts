import { expect, test } from 'vitest';
import { continueTrace, hex128 } from './trace-context.ts';

const trace = '0af7651916cd43dd8448eb211c80319c';
const parent = 'b7ad6b7169203331';

test.each([
  ['version 00', `00-${trace}-${parent}-01`, '01'],
  ['a later version with more', `01-${trace}-${parent}-01-what-comes`, '01'],
])('a trace of %s goes on under a span of our own', (_what, header, flags) => {
  const continued = continueTrace(header, Math.random);
  expect(continued).toMatchObject({ traceId: trace, flags, continued: true });
  expect(continued.spanId).toMatch(/^(?!0{16})[0-9a-f]{16}$/);
  expect(continued.spanId).not.toBe(parent);
});

test.each([
  ['nothing', undefined],
  ['two of them', ''],
  ['version ff', `ff-${trace}-${parent}-01`],
  ['more in version 00', `00-${trace}-${parent}-01-more`],
  ['an empty trace', `00-${'0'.repeat(32)}-${parent}-01`],
  ['an empty span', `00-${trace}-${'0'.repeat(16)}-01`],
  ['capitals', `00-${trace.toUpperCase()}-${parent}-01`],
  ['a short one', `00-${trace}-01`],
])('after %s a new trace begins', (_what, header) => {
  const begun = continueTrace(header, Math.random);
  expect(begun).toMatchObject({ flags: '00', continued: false });
  expect(begun.traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
  expect(begun.traceId).not.toBe(trace);
});

test('ids are never all zero, whatever chance says', () => {
  expect(hex128(() => 0)).not.toMatch(/^0+$/);
  expect(hex128(() => 0.999_999_999_999)).toMatch(/^[0-9a-f]{32}$/);
  expect(continueTrace(undefined, () => 0).spanId).not.toMatch(/^0+$/);
});
