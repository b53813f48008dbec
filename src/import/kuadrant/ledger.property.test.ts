import fc from 'fast-check';
import { expect, it } from 'vitest';
import { importKuadrant } from './import.ts';
import { isMap } from './ledger.ts';

/** Names and values that the policies have, in every place, so that all branches are met, and some that they do not have. */
const key = fc.constantFrom(
  ...'targetRef kind name group sectionName limits defaults overrides strategy rates limit window when predicate counters expression rules authentication authorization metadata response success headers filters identity json properties plain apiKey jwt issuerUrl x509 selector matchLabels anonymous credentials customHeader patternMatching patterns operator value opa rego http url userInfo identitySource cache ttl key priority metrics issuerRef privateKey algorithm size renewBefore loadBalancing geo weight healthCheck path interval unauthorized code message surprise'.split(
    ' ',
  ),
);
const leaf = fc.constantFrom<unknown>(
  'Gateway',
  'web',
  'HTTPRoute',
  '1m',
  '10s',
  5,
  true,
  "request.method == 'GET'",
  'auth.identity.sub',
  'eq',
  '',
  'GEO-EU',
  [],
  {},
);
const tree = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 7, depthSize: 'large' },
    leaf,
    fc.dictionary(key, tie('node'), { maxKeys: 5 }),
    fc.array(tie('node'), { maxLength: 3 }),
  ),
})).node;

function leaves(value: unknown, path: string): readonly string[] {
  if (Array.isArray(value) && value.length > 0)
    return value.flatMap((one, i) => leaves(one, `${path}[${i}]`));
  if (!isMap(value) || Object.keys(value).length === 0) return [path];
  return Object.entries(value).flatMap(([name, one]) => leaves(one, `${path}.${name}`));
}

it('tells of every field once, whatever stands in a policy', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('AuthPolicy', 'RateLimitPolicy', 'TokenRateLimitPolicy', 'DNSPolicy', 'TLSPolicy'),
      fc.dictionary(key, tree, { maxKeys: 6 }),
      (kind, spec) => {
        const document = {
          apiVersion: 'kuadrant.io/v1',
          kind,
          metadata: { namespace: 'shop', name: 'web' },
          spec,
        };
        const gateway = {
          apiVersion: 'gateway.networking.k8s.io/v1',
          kind: 'Gateway',
          metadata: { namespace: 'shop', name: 'web' },
          spec: { listeners: [{ name: 'web', hostname: 'a.example.com', port: 80, protocol: 'HTTP' }] },
        };
        const { ledger } = importKuadrant(
          [document, gateway].map((value) => ({ value, cluster: 'eu' })),
          { zones: [], clusterNamespace: 'default' },
        );
        const told = ledger
          // What the hub would refuse is told of the document that was made, by its own paths.
          .filter(
            ({ object, says }) => object === `${kind} shop/web` && says?.startsWith('left out: ') !== true,
          )
          .map(({ field }) => field);
        expect(told.sort()).toEqual([...leaves(spec, 'spec')].sort());
      },
    ),
    { numRuns: 300 },
  );
});
