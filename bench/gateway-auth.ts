import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createAuthorizer } from '../gateway/auth/authorizer.ts';
import type { AuthDecision } from '../gateway/auth/contract.ts';
import { readKeyTable } from '../gateway/keys/reader.ts';
import { createSharedKeyTable } from '../gateway/keys/writer.ts';
import { createOutboundClient } from '../gateway/outbound/client.ts';
import type { GatewayRequest } from '../gateway/request.ts';
import { createClusterDigest, hubDigest } from '../src/identity/api-key.ts';
import type { AuthenticationMethod, CompiledAuth } from '../src/policy/model.ts';
import { type Figure, lowerIsBetter, percentile } from './figure.ts';

/** What deciding costs in one thread, without HTTP: keys of the shared table, CEL, headers for the backend, tokens. */

const KEYS = 10_000;
const USED = 100;
const ROUNDS = 15;
const PER_ROUND = 100_000;
/** Hash and CEL may cost so many microseconds. */
const GOAL_MICROSECONDS = 3;

export async function run(): Promise<readonly Figure[]> {
  const peppers = { hub: randomBytes(32), cluster: randomBytes(32) };
  const digest = createClusterDigest(peppers.cluster);
  const table = createSharedKeyTable();
  const keys = Array.from({ length: KEYS }, () => `ptk_${randomBytes(24).toString('base64url')}`);
  for (const [i, key] of keys.entries()) {
    table.apply({
      digest: digest(hubDigest(peppers.hub, key)),
      removed: false,
      id: `k-${i.toString(32).padStart(10, 'a')}`,
      namespace: 'shop',
      principal: `partner-${i}`,
      roles: ['reader'],
      plan: 'gold',
      labels: {},
      attributes: {},
      expiresAtSeconds: 0,
      revoked: false,
    });
  }
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256' }] });
  const secrets = { certificates: {}, bundles: {}, values: { jwks } };
  const authorizer = createAuthorizer({
    keys: readKeyTable(table.shared, { peppers }),
    secrets: () => secrets,
    outbound: createOutboundClient({ allowedRanges: [] }),
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    log: { warn: (details, message) => process.stderr.write(`${message} ${JSON.stringify(details)}\n`) },
  });
  const used = keys.slice(0, USED);
  const byKey = used.map((key) => requestWith(['x-api-key', key]));
  const token = await new SignJWT({ sub: 'ann', iss: 'https://issuer.example' })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .setExpirationTime('1h')
    .sign(privateKey);
  const byToken = [requestWith(['authorization', `Bearer ${token}`])];
  const expressions = [
    'request.method == "GET" && "reader" in auth.roles && !request.path.startsWith("/admin")',
  ];
  const headers = [
    ['x-caller', 'auth.principal'],
    ['x-plan', 'auth.plan'],
  ] as const;

  const arms: readonly (readonly [string, CompiledAuth, readonly GatewayRequest[]])[] = [
    ['API key', policyOf(API_KEY, [], []), byKey],
    ['API key, CEL', policyOf(API_KEY, expressions, []), byKey],
    ['API key, CEL, 2 headers', policyOf(API_KEY, expressions, headers), byKey],
    ['JWT known for less than a minute, CEL', policyOf(JWT, expressions, []), byToken],
  ];
  for (const [name, policy, requests] of arms) {
    for (const request of requests) {
      const decision = await authorizer.decide(policy, request);
      if (!decision.allowed) throw new Error(`${name}: ${decision.code}`);
    }
  }
  const times = new Map<string, number[]>(arms.map(([name]) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, policy, requests] of arms) {
      times
        .get(name)
        ?.push(microsecondsEach((i) => authorizer.decide(policy, requests[i % requests.length] ?? FIRST)));
    }
  }
  return [...times].map(([name, all]) =>
    lowerIsBetter({
      bench: 'gateway-auth',
      case: `${name}: time of a decision, median of ${ROUNDS} rounds`,
      ours: percentile(all, 50),
      peerName: 'goal',
      peer: GOAL_MICROSECONDS,
      unit: 'µs',
    }),
  );
}

function microsecondsEach(decide: (i: number) => AuthDecision | Promise<AuthDecision>): number {
  const started = performance.now();
  for (let i = 0; i < PER_ROUND; i += 1) {
    if (decide(i) instanceof Promise) throw new Error('a promise was made');
  }
  return ((performance.now() - started) * 1_000) / PER_ROUND;
}

const API_KEY: AuthenticationMethod = {
  type: 'apiKey',
  credentials: [{ in: 'header', name: 'x-api-key' }],
  namespaces: ['shop'],
  labels: {},
};
const JWT: AuthenticationMethod = {
  type: 'jwt',
  credentials: [{ in: 'authorization', scheme: 'Bearer' }],
  issuer: 'https://issuer.example',
  jwks: 'jwks',
  audiences: [],
  algorithms: ['ES256'],
  leewaySeconds: 30,
  requiredClaims: [],
  principalClaim: 'sub',
  roleClaims: [],
  scopeClaims: [],
  outbound: { timeoutMs: 1_000, bundles: [] },
};

function policyOf(
  method: AuthenticationMethod,
  expressions: readonly string[],
  headers: readonly (readonly [string, string])[],
): CompiledAuth {
  const allowed =
    method.type === 'jwt' ? ['request.method == "GET" && auth.principal == "ann"'] : expressions;
  return {
    source: [{ kind: 'AuthPolicy', name: 'shop/bench' }],
    when: [],
    authentication: [{ name: 'way', when: [], method, defaults: {}, overrides: {} }],
    metadata: [],
    authorization:
      expressions.length === 0
        ? []
        : [{ name: 'cel', when: [], check: { type: 'cel', expressions: allowed } }],
    response: {
      headers,
      unauthenticated: { status: 401, headers: {} },
      unauthorized: { status: 403, headers: {} },
    },
    decisions: { mode: 'strict', ttlSeconds: 10, negativeTtlSeconds: 2 },
    maxStalenessSeconds: 0,
  };
}

function requestWith(credential: readonly string[]): GatewayRequest {
  return {
    id: 'r',
    method: 'GET',
    scheme: 'https',
    host: 'api.example.com',
    port: 443,
    path: '/orders/42',
    query: '',
    fields: ['host', 'api.example.com', 'user-agent', 'bench', 'accept', '*/*', ...credential],
    httpVersion: '1.1',
    source: { address: '192.0.2.9', port: 5000, peer: '192.0.2.9', trusted: false },
    tls: undefined,
    wallMs: Date.now(),
  };
}
const FIRST = requestWith([]);
