import { expect, it } from 'vitest';
import { explainedRuleLines } from './explained-rule.ts';

const RULE = {
  clusters: ['default/fra', 'default/ams'],
  kind: 'HTTPRoute',
  namespace: 'default',
  name: 'api',
  rule: 'orders',
  listeners: ['default/edge/https'],
  matches: ['api.shop.example: GET prefix /orders'],
  filters: [],
  backends: ['default/orders:80 (weight 1, http/1.1)'],
  timeouts: '{}',
  auth: [
    {
      piece: 'authentication.key',
      value: '{"type":"apiKey","when":[]}',
      source: 'AuthPolicy default/keys',
      by: 'overrides' as const,
    },
  ],
  limits: [
    {
      piece: 'limits.customers',
      value: '100 per 60s; by auth.identity.id',
      source: 'RateLimitPolicy default/fair',
      by: 'defaults' as const,
    },
  ],
  edge: [
    { piece: 'limits.maxBodyBytes', value: '10', by: 'product' as const },
    { piece: 'accessLog.format', value: '"json"', by: 'product' as const },
  ],
};

it('shows each piece beside the object it is from, and what nobody said in short', () => {
  expect(explainedRuleLines(RULE)).toEqual([
    'HTTPRoute default/api, rule orders, on default/fra, default/ams',
    '  Listeners:',
    '    default/edge/https',
    '  Matches:',
    '    api.shop.example: GET prefix /orders',
    '  Backends:',
    '    default/orders:80 (weight 1, http/1.1)',
    '  Access:',
    '    RULE                 FROM                                 VALUE',
    '    authentication.key   AuthPolicy default/keys (override)   type: apiKey',
    '  Rate limits:',
    '    RULE               FROM                           VALUE',
    '    limits.customers   RateLimitPolicy default/fair   100 per 60s; by auth.identity.id',
    "  2 more limits are the product's own (-o json shows them)",
    '',
  ]);
});

it('says plainly when anyone may call', () => {
  expect(explainedRuleLines({ ...RULE, auth: [] })).toContain(
    '    anyone may call it: no AuthPolicy holds here',
  );
});

it('says of a header that a policy takes away that it is, not that nobody said anything', () => {
  const edge = [
    {
      piece: 'responseHeaders.server',
      value: 'null',
      source: 'GatewayPolicy default/headers',
      by: 'defaults' as const,
    },
  ];
  expect(explainedRuleLines({ ...RULE, edge })).toContain(
    '    responseHeaders.server   GatewayPolicy default/headers   taken away',
  );
});
