import { expect, it } from 'vitest';
import { EDGE, partOf, ruleOf } from '../../gateway/testing/gateway-fixture.ts';
import type { CompiledResidency } from '../../src/policy/model.ts';
import { needsCountries, readGateway } from './configuration.ts';

const residency = (inside: boolean): CompiledResidency => ({
  rules: [{ region: 'EU', countries: ['DE'], unknown: 'restrict', inside, hostnames: ['a.example'] }],
});

it.each([
  ['no rule asks', partOf(80), false],
  [
    'a residency rule asks from outside',
    partOf(80, { edge: { ...EDGE, residency: residency(false) } }),
    true,
  ],
  [
    'inside its region a residency rule refuses nobody',
    partOf(80, { edge: { ...EDGE, residency: residency(true) } }),
    false,
  ],
  [
    'a condition looks at it',
    partOf(80, { rules: [ruleOf('r', { callers: [{ when: "source.country == 'DE'", backends: [] }] })] }),
    true,
  ],
])('countries of clients: %s', (_, part, needed) => {
  expect(needsCountries(part)).toBe(needed);
});

it('a snapshot without the part has no gateway; secrets may be missing', () => {
  const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  expect(readGateway({ parts: [], pieces: [] })).toBeUndefined();
  const part = { name: 'gateway', content: bytes(partOf(80)) };
  const alone = readGateway({ parts: [part], pieces: [] });
  expect(alone?.secrets.certificates).toEqual({});
  const secrets = { certificates: {}, bundles: { a: 'b' }, values: {} };
  const both = readGateway({
    parts: [part, { name: 'gatewaySecrets', content: bytes(secrets) }],
    pieces: [],
  });
  expect(both?.secrets).toEqual(secrets);
  expect(both?.digest).not.toBe(alone?.digest);
});
