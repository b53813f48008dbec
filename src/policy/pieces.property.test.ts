import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../identity/canonical-json.ts';
import type { GatewayPart } from './model.ts';
import { entriesOf, joinGateway, MAX_PIECES, pieceCount, splitGateway } from './pieces.ts';
import { clusterIn, compiled, stored } from './testing/gateway-objects.ts';

const gateway = stored('Gateway', 'web', {
  gatewayClassName: 'portolan',
  listeners: [
    { name: 'http', port: 80, protocol: 'HTTP' },
    { name: 'shop', port: 80, protocol: 'HTTP', hostname: '*.shop.example' },
  ],
});

interface Route {
  readonly hosts: readonly string[];
  readonly path: string;
}

const hostname = fc.constantFrom(
  'a.shop.example',
  'b.shop.example',
  '*.shop.example',
  'c.example',
  '*.example',
);
const routes: fc.Arbitrary<readonly Route[]> = fc.array(
  fc.record({ hosts: fc.uniqueArray(hostname), path: fc.constantFrom('/', '/a', '/b') }),
  { maxLength: 12 },
);

function partOf(chosen: readonly Route[], limited: boolean): GatewayPart {
  return compiled(
    clusterIn('DE'),
    gateway,
    ...chosen.map(({ hosts, path }, at) =>
      stored('HTTPRoute', `r${at}`, {
        parentRefs: [{ name: 'web' }],
        hostnames: hosts,
        rules: [{ matches: [{ path: { type: 'PathPrefix', value: path } }] }],
      }),
    ),
    ...(limited
      ? [
          stored('RateLimitPolicy', 'limit', {
            targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'web' }],
            rules: { limits: { all: { rates: [{ limit: 10, window: '1m' }] } } },
          }),
        ]
      : []),
  ).part;
}

describe('a gateway part in pieces', () => {
  it('is the same part again, with the same entries, however many pieces there are', () => {
    fc.assert(
      fc.property(routes, fc.boolean(), fc.nat(6), (chosen, limited, power) => {
        const part = partOf(chosen, limited);
        const { frame, pieces } = splitGateway(part, 2 ** power);
        const joined = joinGateway(frame, pieces);
        expect(canonicalJson(joined)).toBe(canonicalJson(part));
        for (const [id, rule] of Object.entries(part.rules)) expect(joined.rules[id]).toBe(rule);
      }),
      { numRuns: 60 },
    );
  });

  it('differs in few pieces when one route does', () => {
    const many = Array.from({ length: 400 }, (_, at) => ({ hosts: [`r${at}.example`], path: '/' }));
    const other = many.map((route, at) => (at === 7 ? { ...route, path: '/new' } : route));
    const [before, after] = [partOf(many, false), partOf(other, false)];
    const count = pieceCount(entriesOf(before), 0);
    const texts = (part: GatewayPart) => splitGateway(part, count).pieces.map(canonicalJson);
    const old = texts(before);
    expect(count).toBeGreaterThanOrEqual(16);
    expect(texts(after).filter((text, at) => text !== old[at]).length).toBeGreaterThan(0);
    expect(texts(after).filter((text, at) => text !== old[at]).length).toBeLessThanOrEqual(3);
  });

  it('has its entries spread', () => {
    const part = partOf(
      Array.from({ length: 400 }, (_, at) => ({ hosts: [`r${at}.example`], path: '/' })),
      false,
    );
    const { pieces } = splitGateway(part, 32);
    const sizes = pieces.map(({ rules }) => Object.keys(rules).length);
    expect(Math.max(...sizes)).toBeLessThan(40);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
  });

  it('keeps their number while entries come and go, and never has more than may be', () => {
    expect(pieceCount(0, 0)).toBe(1);
    expect(pieceCount(33, 0)).toBe(2);
    expect(pieceCount(64, 2)).toBe(2);
    expect(pieceCount(128, 2)).toBe(2);
    expect(pieceCount(129, 2)).toBe(8);
    expect(pieceCount(20, 2)).toBe(2);
    expect(pieceCount(16, 2)).toBe(2);
    expect(pieceCount(40, 8)).toBe(2);
    expect(pieceCount(10_000_000, 1)).toBe(MAX_PIECES);
    expect(pieceCount(10_000_000, MAX_PIECES)).toBe(MAX_PIECES);
  });
});
