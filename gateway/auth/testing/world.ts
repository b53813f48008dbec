import type {
  AuthenticationMethod,
  AuthenticationRule,
  AuthorizationRule,
  CompiledAuth,
  GatewaySecrets,
} from '../../../src/policy/model.ts';
import { NO_GATEWAY_SECRETS } from '../../../src/policy/model.ts';
import type { KeyAnswer, KeyRecord, KeyTable } from '../../keys/contract.ts';
import { createOutboundClient, type OutboundClient } from '../../outbound/client.ts';
import type { GatewayRequest } from '../../request.ts';
import { type AuthorizerDeps, createAuthorizer, type PolicyAuthorizer } from '../authorizer.ts';
import type { AuthDecision } from '../contract.ts';

/* Policies, requests and keys for tests: what a test does not name is plain. */

export const START_MS = Date.UTC(2026, 0, 1);

export function requestOf(
  given: Partial<GatewayRequest> & { readonly headers?: Record<string, string> } = {},
) {
  const { headers = {}, ...rest } = given;
  const request: GatewayRequest = {
    id: 'r-1',
    method: 'GET',
    scheme: 'https',
    host: 'api.example.com',
    port: 443,
    path: '/orders',
    query: '',
    fields: Object.entries(headers).flat(),
    httpVersion: '1.1',
    source: { address: '192.0.2.9', port: 5000, peer: '192.0.2.9', trusted: false },
    tls: undefined,
    wallMs: START_MS,
    ...rest,
  };
  return request;
}

export const TRUSTED_PROXY = { address: '198.51.100.7', port: 1, peer: '10.0.0.1', trusted: true };

export function wayOf(
  method: AuthenticationMethod,
  given: Partial<AuthenticationRule> = {},
): AuthenticationRule {
  return { name: method.type, when: [], defaults: {}, overrides: {}, method, ...given };
}

export function celCheck(...expressions: readonly string[]): AuthorizationRule {
  return { name: 'rule', when: [], check: { type: 'cel', expressions } };
}

export function policyOf(given: Partial<CompiledAuth> = {}): CompiledAuth {
  return {
    source: [{ kind: 'AuthPolicy', name: 'shop/api' }],
    when: [],
    authentication: [API_KEY],
    metadata: [],
    authorization: [],
    response: {
      headers: [],
      unauthenticated: { status: 401, headers: {} },
      unauthorized: { status: 403, headers: {} },
    },
    decisions: { mode: 'strict', ttlSeconds: 10, negativeTtlSeconds: 2 },
    maxStalenessSeconds: 0,
    ...given,
  };
}

export const API_KEY: AuthenticationRule = wayOf({
  type: 'apiKey',
  credentials: [
    { in: 'header', name: 'x-api-key' },
    { in: 'authorization', scheme: 'APIKEY' },
    { in: 'query', name: 'api_key' },
    { in: 'cookie', name: 'key' },
  ],
  namespaces: ['shop'],
  labels: {},
});

export function keyOfBilling(given: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id: 'k-billing',
    namespace: 'shop',
    principal: 'billing',
    roles: ['reader'],
    labels: {},
    attributes: {},
    ...given,
  };
}

/** Keys in a map, for tests: the answer by the key itself, or by `pairId:key`. */
export function keyTableOf(answers: Readonly<Record<string, KeyAnswer>>, staleMs = 0): KeyTable {
  const table = new Map(Object.entries(answers));
  return {
    find: (key, pairId) => table.get(pairId === undefined ? key : `${pairId}:${key}`) ?? { type: 'unknown' },
    staleMs: () => staleMs,
    size: table.size,
  };
}

export interface AuthWorld {
  readonly authorizer: PolicyAuthorizer;
  readonly client: OutboundClient;
  readonly logged: readonly string[];
  nowMs: number;
  decide(policy: CompiledAuth, request: GatewayRequest): Promise<AuthDecision>;
}

/** An engine on a clock that only moves when `nowMs` is set; loopback may be called. */
export function authWorld(
  keys: KeyTable = keyTableOf({ good: { type: 'known', record: keyOfBilling() } }),
  given: Partial<AuthorizerDeps> & { readonly values?: Partial<GatewaySecrets> } = {},
): AuthWorld {
  const client = createOutboundClient({ allowedRanges: ['127.0.0.0/8'] });
  const logged: string[] = [];
  const secrets = { ...NO_GATEWAY_SECRETS, ...given.values };
  const authorizer = createAuthorizer({
    keys,
    secrets: () => secrets,
    outbound: client,
    wallMs: () => world.nowMs,
    monotonicMs: () => world.nowMs,
    log: { warn: (details, message) => logged.push(`${message} ${JSON.stringify(details)}`) },
    ...given,
  });
  const world: AuthWorld = {
    authorizer,
    client,
    logged,
    nowMs: START_MS,
    decide: async (policy, request) => authorizer.decide(policy, { ...request, wallMs: world.nowMs }),
  };
  return world;
}

/** `200`, or what a denial says in short: `401 CREDENTIALS_MISSING`. */
export function shortly(decision: AuthDecision): string {
  return decision.allowed ? `200 ${decision.principal.name}` : `${decision.status} ${decision.code}`;
}
