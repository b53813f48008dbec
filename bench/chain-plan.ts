import { EDGE } from '../gateway/testing/gateway-fixture.ts';
import type { CompiledAuth, GatewayPart } from '../src/policy/model.ts';

/** The world of the Light-4j load: four services with 25 endpoints each; A calls B and C, and B calls D. */
export const SERVICES = ['a', 'b', 'c', 'd'] as const;
export type ServiceName = (typeof SERVICES)[number];
export const ENDPOINTS = 25;
export const KEYS = 100;
export const CALLS: Readonly<Record<ServiceName, readonly ServiceName[]>> = {
  a: ['b', 'c'],
  b: ['d'],
  c: [],
  d: [],
};
export const HUB_PEPPER = Buffer.alloc(32, 1);
export const CLUSTER_PEPPER = Buffer.alloc(32, 2);

export const ARMS = ['unmanaged', 'blocking call', 'in process', 'at the gateway'] as const;
export type Arm = (typeof ARMS)[number];

export const hostOf = (service: ServiceName): string => `${service}.chain.test`;
export const keyOf = (client: number): string => `ptk_client-${String(client).padStart(32, '0')}`;

/** What the process with the services is told before each round. */
export interface ServicesOrder {
  readonly arm: Arm;
  readonly ports: Readonly<Record<ServiceName, number>>;
  readonly gatewayPort: number;
  readonly deskPort: number;
}

const AUTH: CompiledAuth = {
  source: [{ kind: 'AuthPolicy', name: 'default/keys' }],
  when: [],
  authentication: [
    {
      name: 'keys',
      when: [],
      defaults: {},
      overrides: {},
      method: {
        type: 'apiKey',
        credentials: [{ in: 'header', name: 'x-api-key' }],
        namespaces: ['default'],
        labels: {},
      },
    },
  ],
  metadata: [],
  authorization: [{ name: 'role', when: [], check: { type: 'roles', anyOf: ['client'], allOf: [] } }],
  response: {
    headers: [['x-principal', 'auth.principal']],
    unauthenticated: { status: 401, headers: {} },
    unauthorized: { status: 403, headers: {} },
  },
  decisions: { mode: 'strict', ttlSeconds: 10, negativeTtlSeconds: 0 },
  maxStalenessSeconds: 0,
};

export function chainPart(ports: Readonly<Record<ServiceName, number>>): GatewayPart {
  return {
    ports: [
      {
        port: 80,
        protocol: 'http',
        edge: 'edge',
        listeners: [
          {
            id: 'default/chain/http',
            source: { kind: 'Gateway', name: 'default/chain' },
            hosts: SERVICES.map((service) => ({
              hostname: hostOf(service),
              matches: Array.from({ length: ENDPOINTS }, (_, n) => ({
                rule: service,
                path: { type: 'exact' as const, value: `/endpoint/${n}` },
                headers: [],
                query: [],
              })),
            })),
          },
        ],
      },
    ],
    rules: Object.fromEntries(
      SERVICES.map((service) => [
        service,
        {
          id: service,
          source: { kind: 'HTTPRoute', name: `default/${service}` },
          filters: [],
          backends: [{ backend: service, weight: 1, filters: [] }],
          callers: [],
          timeouts: {},
          auth: 'keys',
          edge: 'edge',
        },
      ]),
    ),
    backends: Object.fromEntries(
      SERVICES.map((service) => [
        service,
        {
          source: { kind: 'Backend', name: `default/${service}` },
          endpoints: [{ address: '127.0.0.1', port: ports[service], weight: 1 }],
          protocol: 'http/1.1' as const,
          balance: 'roundRobin' as const,
          connectTimeoutMs: 2_000,
          idleTimeoutMs: 60_000,
          limits: { maxConnections: 100, maxPendingRequests: 100 },
          outlier: { consecutiveFailures: 100, baseEjectionMs: 1_000, maxEjectedPercent: 0 },
        },
      ]),
    ),
    auth: { keys: AUTH },
    edge: {
      edge: {
        ...EDGE,
        limits: { ...EDGE.limits, keepAliveTimeoutMs: 60_000, maxConnections: 10_000 },
        accessLog: { format: 'json' },
      },
    },
  };
}
