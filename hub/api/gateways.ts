import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import type { ExplainedRule, RouteQuestion } from './gateway-services.ts';
import { may } from './permissions.ts';

const text = z.string();
const strings = z.array(text);

const pieces = z.array(
  z.object({
    piece: text,
    value: text,
    source: text.exactOptional(),
    by: z.enum(['defaults', 'overrides', 'product']),
  }),
);

const explainedRules: z.ZodType<{ readonly items: readonly ExplainedRule[] }> = z
  .object({
    items: z.array(
      z
        .object({
          clusters: strings,
          kind: text,
          namespace: text,
          name: text,
          rule: text,
          listeners: strings,
          matches: strings,
          filters: strings,
          backends: strings,
          timeouts: text,
          auth: pieces,
          edge: pieces,
          limits: pieces,
        })
        .meta({ id: 'ExplainedRule' }),
    ),
  })
  .meta({ id: 'ExplainedRules' });

const explainQuery = z.strictObject({
  /** `namespace/name` of an HTTPRoute or GRPCRoute. */
  route: z
    .string()
    .max(320)
    .regex(/^[a-z0-9.-]+\/[a-z0-9.-]+$/, 'namespace/name')
    .optional(),
  /** Instead: a host and path as a client asks for them, `shop.example.com/cart?x=1`. */
  request: z.string().min(1).max(4096).optional(),
  method: z
    .string()
    .regex(/^[A-Z]{1,20}$/, 'an HTTP method in upper case')
    .default('GET'),
  /** `name: value`, one a line. */
  headers: z.string().max(16_384).default(''),
  cluster: z.string().max(127).optional(),
  rule: z.string().max(253).optional(),
});

/** What people ask about gateways; the objects themselves are in objects.ts. */
export const GATEWAY_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'explainRoute',
    method: 'GET',
    path: '/v1/gateways/explain',
    tag: 'gateways',
    summary: 'What holds for the rules of a route, or for a request, and which object says so.',
    access: { kind: 'somewhere', action: 'HTTPRoute.read' },
    query: explainQuery,
    replies: { 200: { description: 'the rules', schema: explainedRules } },
    handle: async ({ query, principal }, { services }) => {
      const items = await services.gateways.explainRoute(questionOf(query));
      return {
        status: 200,
        json: { items: items.filter((i) => may(principal.bindings, 'HTTPRoute.read', i.namespace)) },
      };
    },
  }),
  endpoint({
    id: 'gatewayCa',
    method: 'GET',
    path: '/v1/gateways/ca',
    tag: 'gateways',
    summary: 'The CA that certificates of listeners with `portolan.dev/certificate: internal` come from.',
    access: { kind: 'somewhere', action: 'Gateway.read' },
    replies: {
      200: {
        description: 'the certificate, PEM',
        schema: z.object({ certificatePem: text }).meta({ id: 'GatewayCa' }),
      },
    },
    handle: async (_request, { services }) => ({
      status: 200,
      json: { certificatePem: await services.gateways.caCertificate() },
    }),
  }),
];

/** @throws PortolanError VALIDATION_FAILED unless exactly one of route and request is given */
function questionOf({
  route,
  request,
  method,
  headers,
  cluster,
  rule,
}: z.output<typeof explainQuery>): RouteQuestion {
  if ((route === undefined) === (request === undefined)) {
    throw new PortolanError('VALIDATION_FAILED', 'exactly one of `route` and `request` must be given', {
      fix: 'Name a route (`namespace/name`), or write a host and path such as shop.example.com/cart.',
    });
  }
  const [namespace = '', name = ''] = (route ?? '').split('/');
  const slash = (request ?? '').indexOf('/');
  return {
    ...(route === undefined ? {} : { route: { namespace, name } }),
    ...(request === undefined
      ? {}
      : {
          request: {
            hostname: (slash < 0 ? request : request.slice(0, slash))
              .toLowerCase()
              .replace(/\.?(:\d+)?$/, ''),
            path: slash < 0 ? '/' : request.slice(slash),
            method,
            headers: headersOf(headers),
          },
        }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(rule === undefined ? {} : { rule }),
  };
}

function headersOf(lines: string): readonly (readonly [string, string])[] {
  return lines.split('\n').flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 1
      ? []
      : [[line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const];
  });
}
