import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CredentialsLocation } from '../../src/policy/model.ts';
import { alternativeNames } from './certificate-names.ts';
import { basicCredentials, DOUBTFUL, findCredential, withScheme } from './credentials.ts';
import { clientCertChain, xfccChain } from './forwarded-certificate.ts';
import { headerValue, redirectLocation } from './header-values.ts';
import { type Stripped, withoutCookies, withoutCredentials, withoutParameters } from './strip.ts';
import { authWorld, policyOf, requestOf, TRUSTED_PROXY, wayOf } from './testing/world.ts';

/* What strangers send: parts that mean something to the parsers, mixed with anything. */

const RUNS = { numRuns: 1_000 };
const name = fc.constantFrom('key', 'Key', 'k%65y', 'key ', 'other', '');
const value = fc.oneof(
  fc.constantFrom('a', '"a"', '%61', '%ff', 'a=b', '', ' a ', 'a,b', '"', '%'),
  fc.string({ maxLength: 8 }),
);
const pair = fc.tuple(name, fc.constantFrom('=', '', ' = '), value).map((parts) => parts.join(''));
const query = fc.array(pair, { maxLength: 5 }).map((pairs) => pairs.join('&'));
const cookies = fc
  .array(pair, { maxLength: 5 })
  .chain((pairs) => fc.constantFrom('; ', ';', ' ;').map((separator) => pairs.join(separator)));

const LOCATIONS: readonly CredentialsLocation[] = [
  { in: 'header', name: 'key' },
  { in: 'authorization', scheme: 'Bearer' },
  { in: 'query', name: 'key' },
  { in: 'cookie', name: 'key' },
];
const STRIPPED: Stripped = { fields: ['key', 'authorization'], query: ['key'], cookies: ['key'] };
const field = fc.oneof(
  fc.tuple(fc.constant('cookie'), cookies),
  fc.tuple(fc.constantFrom('key', 'authorization', 'accept'), value),
);
const fields = fc.array(field, { maxLength: 5 }).map((all) => all.flat());

describe('credentials in anything that is sent', () => {
  it('are text without emptiness, nothing, or a doubt; never an exception', () => {
    fc.assert(
      fc.property(query, fields, (q, f) => {
        const found = findCredential(LOCATIONS, requestOf({ query: q, fields: f }));
        expect(found === undefined || found === DOUBTFUL || found.length > 0).toBe(true);
        expect(() => basicCredentials(f)).not.toThrow();
      }),
      RUNS,
    );
  });

  it('are gone once they were stripped: nothing that would be found is left for the backend', () => {
    let found = 0;
    fc.assert(
      fc.property(query, fields, (q, f) => {
        const before = findCredential(LOCATIONS, requestOf({ query: q, fields: f }));
        if (before !== undefined) found += 1;
        const left = requestOf({
          query: withoutParameters(q, STRIPPED.query),
          fields: withoutCredentials(f, STRIPPED),
        });
        expect(findCredential(LOCATIONS, left)).toBeUndefined();
      }),
      RUNS,
    );
    expect(found).toBeGreaterThan(200);
  });

  it('leave everything else as it was', () => {
    expect(withoutParameters('a=1&key=x&b=%20&k%65y=2&&c', ['key'])).toBe('a=1&b=%20&&c');
    expect(withoutParameters('a=1&b', ['key'])).toBe('a=1&b');
    expect(withoutCookies('a=1; key=x; b="2"', ['key'])).toBe('a=1; b="2"');
    expect(withoutCookies('key=x', ['key'])).toBe('');
    expect(withoutCredentials(['cookie', 'key=x', 'accept', '*/*'], STRIPPED)).toEqual(['accept', '*/*']);
  });

  it('follow a scheme of the same letters only', () => {
    const letters = fc.string({
      unit: fc.constantFrom('a', 'B', '`', '@', '[', '{', '1'),
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(letters, letters, (scheme, sent) => {
        const found = withScheme(`${sent} token`, scheme);
        expect(found).toBe(scheme.toLowerCase() === sent.toLowerCase() ? 'token' : undefined);
      }),
      RUNS,
    );
  });
});

describe('certificates and names in anything that is sent', () => {
  const piece = fc.oneof(
    fc.constantFrom('Cert=', 'Chain=', 'URI=', '"', '\\', ',', ';', '%', '%2D', ':', 'AAAA', '='),
    fc.constantFrom('-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', 'DNS:', 'URI:', ', '),
    fc.string({ maxLength: 4 }),
  );
  const text = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

  it('are none, or a doubt; never an exception', () => {
    fc.assert(
      fc.property(text, (t) => {
        const header = (field: string) => [field, t];
        for (const chain of [
          xfccChain(header('x-forwarded-client-cert')),
          clientCertChain(header('client-cert')),
        ]) {
          expect(chain === undefined || chain === DOUBTFUL).toBe(true);
        }
        expect(Array.isArray(alternativeNames(t))).toBe(true);
      }),
      RUNS,
    );
  });

  it('let nobody pass', async () => {
    const world = authWorld(undefined, {
      values: { bundles: { ca: '' }, values: { jwks: '{"keys":[]}' } },
    });
    const policy = policyOf({
      authentication: [
        wayOf({
          type: 'mtls',
          bundles: ['ca'],
          subjects: [],
          spiffeIds: [],
          dnsNames: [],
          principal: 'subject',
          header: 'x-forwarded-client-cert',
        }),
        wayOf({
          type: 'jwt',
          credentials: [{ in: 'authorization', scheme: 'Bearer' }],
          issuer: 'https://issuer.example',
          jwks: 'jwks',
          audiences: [],
          algorithms: ['ES256'],
          leewaySeconds: 0,
          requiredClaims: [],
          principalClaim: 'sub',
          roleClaims: [],
          scopeClaims: [],
          outbound: { timeoutMs: 100, bundles: [] },
        }),
      ],
    });
    const part = fc.oneof(
      fc.base64String({ maxLength: 12 }),
      fc.constantFrom('e30', 'eyJhbGciOiJFUzI1NiJ9', ''),
    );
    const token = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.'));
    await fc.assert(
      fc.asyncProperty(text, token, async (t, jwt) => {
        const request = requestOf({
          headers: { 'x-forwarded-client-cert': t, authorization: `Bearer ${jwt}` },
          source: TRUSTED_PROXY,
        });
        expect((await world.decide(policy, request)).allowed).toBe(false);
      }),
      { numRuns: 300 },
    );
  });
});

describe('values for header fields', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.anything({ withBigInt: true, withDate: true, maxDepth: 2 }),
    fc.array(fc.string({ unit: 'binary' })),
  );

  it('never break a message apart', () => {
    fc.assert(
      fc.property(anything, (v) => {
        const text = headerValue(v);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(text === undefined || /^[^\x00-\x1f\x7f\u0100-\uffff]*$/.test(text)).toBe(true);
      }),
      RUNS,
    );
  });

  it('are nothing where an instant is beyond all dates', () => {
    expect(headerValue(new Date(Number.NaN))).toBeUndefined();
    expect(headerValue({ at: new Date(Number.NaN) })).toBe('{"at":null}');
  });

  it('lead to a web page of the host that they show, or nowhere', () => {
    const url = fc
      .array(
        fc.constantFrom('/', '\\', 'https:', 'javascript:', 'evil.example', '@', ' ', '\t', '?', '%0d', 'a'),
        {
          maxLength: 6,
        },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(url, (u) => {
        const place = redirectLocation(u);
        if (place === undefined) return;
        const base = 'https://here.example';
        const resolved = new URL(place, base);
        expect(['https:', 'http:']).toContain(resolved.protocol);
        if (place.startsWith('/')) expect(resolved.origin).toBe(base);
      }),
      RUNS,
    );
  });
});
