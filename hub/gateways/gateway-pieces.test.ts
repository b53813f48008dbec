import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import { type GatewayPart, NO_GATEWAY } from '../../src/policy/model.ts';
import { type GatewayFrame, type GatewayPiece, joinGateway } from '../../src/policy/pieces.ts';
import { backendOf, compiled, gatewayOf, stored } from '../../src/policy/testing/gateway-objects.ts';
import { type ClusterPieces, lacking, writePieces } from './gateway-pieces.ts';

const MANY = 300;
const routesOf = (paths: Readonly<Record<number, string>>, count = MANY) =>
  Array.from({ length: count }, (_, at) =>
    stored('HTTPRoute', `r${at}`, {
      parentRefs: [{ name: 'web' }],
      hostnames: [`r${at}.example`],
      rules: [{ matches: [{ path: { value: paths[at] ?? '/' } }], backendRefs: [{ name: 'b', port: 8080 }] }],
    }),
  );
const partOf = (paths: Readonly<Record<number, string>> = {}, count = MANY): GatewayPart =>
  compiled(gatewayOf(), backendOf('b'), ...routesOf(paths, count)).part;
const write = (part: GatewayPart, before?: { readonly part: GatewayPart; readonly pieces: ClusterPieces }) =>
  writePieces(part, before, async () => undefined);
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const wholeOf = ({ frame, contents }: ClusterPieces): string =>
  canonicalJson(
    joinGateway(
      JSON.parse(text(frame)) as GatewayFrame,
      contents.map((content) => JSON.parse(text(content)) as GatewayPiece),
    ),
  );
const digestsOf = ({ refs }: ClusterPieces) => new Set(refs.map(({ sha256 }) => sha256));

describe('what gateways get, in pieces', () => {
  it('is the whole part, and the frame names every piece by its digest', async () => {
    const part = partOf();
    const pieces = await write(part);
    expect(wholeOf(pieces)).toBe(canonicalJson(part));
    expect(pieces.refs).toEqual(
      pieces.contents.map((content) => ({ sha256: sha256Hex(content), size: content.length })),
    );
    const frame = JSON.parse(text(pieces.frame)) as GatewayFrame;
    expect(frame.pieces).toEqual(pieces.refs);
    for (const bytes of [pieces.frame, ...pieces.contents])
      expect(text(bytes)).toBe(canonicalJson(JSON.parse(text(bytes))));
    expect(pieces.digest).toBe(sha256Hex(pieces.frame));
  });

  it('is written again in at most three pieces when one route is another one', async () => {
    const before = { part: partOf(), pieces: await write(partOf()) };
    const part = partOf({ 7: '/new' });
    const pieces = await write(part, before);
    expect(wholeOf(pieces)).toBe(canonicalJson(part));
    const others = pieces.contents.filter((content, at) => content !== before.pieces.contents[at]);
    expect(others.length).toBeGreaterThan(0);
    expect(others.length).toBeLessThanOrEqual(3);
    expect(lacking(pieces, digestsOf(before.pieces))).toEqual(others);
    expect(pieces.refs.length).toBeGreaterThanOrEqual(16);
  });

  it.each([
    ['a route goes', partOf({}, MANY - 1)],
    ['a route comes', partOf({}, MANY + 1)],
    ['most routes go', partOf({}, 5)],
    ['there is nothing any more', partOf({}, 0)],
    ['there are many more', partOf({}, MANY * 5)],
  ])('is the whole part after %s', async (_what, part) => {
    const before = { part: partOf(), pieces: await write(partOf()) };
    expect(wholeOf(await write(part, before))).toBe(canonicalJson(part));
  });

  it('is the whole part whatever hosts come, go or change', async () => {
    const [port] = partOf({}, 1).ports;
    const [listener] = port?.listeners ?? [];
    const [host] = listener?.hosts ?? [];
    if (port === undefined || listener === undefined || host === undefined) throw new Error('it has no host');
    const variants = [undefined, host.matches, []].map((matches) =>
      Array.from({ length: 8 }, (_, at) =>
        matches === undefined ? [] : [{ hostname: `h${at}.example`, matches }],
      ),
    );
    const withHosts = (chosen: readonly number[]): GatewayPart => {
      const hosts = chosen.flatMap((variant, at) => variants[variant]?.[at] ?? []);
      return { ...NO_GATEWAY, ports: [{ ...port, listeners: [{ ...listener, hosts }] }] };
    };
    const chosen = fc.array(fc.nat(2), { minLength: 8, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(chosen, chosen, async (first, second) => {
        const [before, part] = [withHosts(first), withHosts(second)];
        const pieces = await write(part, { part: before, pieces: await write(before) });
        expect(wholeOf(pieces)).toBe(canonicalJson(part));
      }),
      { numRuns: 100 },
    );
  });

  it('is the same value when everything was compiled anew to the same', async () => {
    const before = { part: partOf(), pieces: await write(partOf()) };
    expect(await write(partOf(), before)).toBe(before.pieces);
  });

  it('is another one when only what belongs to no entry differs', async () => {
    const before = { part: partOf(), pieces: await write(partOf()) };
    const [port, ...others] = before.part.ports;
    if (port === undefined) throw new Error('it has no port');
    const part = { ...before.part, ports: [{ ...port, port: 8080 }, ...others] };
    const pieces = await write(part, before);
    expect(pieces.digest).not.toBe(before.pieces.digest);
    expect(lacking(pieces, digestsOf(before.pieces))).toEqual([]);
    expect(wholeOf(pieces)).toBe(canonicalJson(part));
  });

  it('leaves others their turn while it is written the first time', async () => {
    let breaths = 0;
    const { refs } = await writePieces(partOf(), undefined, async () => {
      breaths += 1;
    });
    expect(breaths).toBeGreaterThanOrEqual(refs.length / 8);
  });
});
