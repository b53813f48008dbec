import { expect, it } from 'vitest';
import { EDGE, partOf, ruleOf } from '../../gateway/testing/gateway-fixture.ts';
import type { CompiledResidency, GatewayPart } from '../../src/policy/model.ts';
import { piecesOf } from '../../src/policy/piece-bytes.ts';
import { locatesClients, needsCountries, readGatewayFile } from './configuration.ts';

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

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

it('a snapshot without the part has no gateway; secrets may be missing', () => {
  expect(readGatewayFile({ parts: [], pieces: [] })).toBeUndefined();
  const part = { name: 'gateway', content: bytes(partOf(80)) };
  const alone = readGatewayFile({ parts: [part], pieces: [] });
  expect(alone?.secrets().certificates).toEqual({});
  const secrets = { certificates: {}, bundles: { a: 'b' }, values: {} };
  const both = readGatewayFile({
    parts: [part, { name: 'gatewaySecrets', content: bytes(secrets) }],
    pieces: [],
  });
  expect(both?.secrets()).toEqual(secrets);
  expect(both?.digest).toBe(alone?.digest);
  expect(both?.secretsDigest).not.toBe(alone?.secretsDigest);
});

it('a snapshot in pieces has those of its frame, and asks for countries only when one of them does', () => {
  const read = (part: GatewayPart) => {
    const { frame, pieces } = piecesOf(part, 4);
    const file = readGatewayFile({
      parts: [{ name: 'gatewayFrame', content: bytes(frame) }],
      pieces: [...pieces.values()],
    });
    expect(file?.form === 'pieces' && [...file.pieces.keys()]).toEqual([...pieces.keys()]);
    const empty = new Uint8Array();
    return locatesClients({ parts: { routing: empty, probes: empty, peers: empty }, pieces });
  };
  const named = ruleOf('country', { callers: [{ when: "source.address == '192.0.2.1'", backends: [] }] });
  expect(read(partOf(80, { rules: [named] }))).toBe(false);
  const asking = ruleOf('all', { callers: [{ when: "source.country == 'DE'", backends: [] }] });
  expect(read(partOf(80, { rules: [asking] }))).toBe(true);
  const { frame, pieces } = piecesOf(partOf(80), 4);
  expect(() =>
    readGatewayFile({
      parts: [{ name: 'gatewayFrame', content: bytes(frame) }],
      pieces: [...pieces.values()].slice(1),
    }),
  ).toThrow('not those of its frame');
});
