import { readFileSync } from 'node:fs';
import { createSharedKeyTable } from '../gateway/keys/writer.ts';
import { createGatewayService } from '../gateway/service.ts';
import { gatewaySettings } from '../gateway/settings.ts';
import { createClusterDigest, createHubDigest } from '../src/identity/api-key.ts';
import type { GatewaySecrets } from '../src/policy/model.ts';
import { piecesOf } from '../src/policy/piece-bytes.ts';
import { compiled, stored } from '../src/policy/testing/gateway-objects.ts';

/*
 * Our gateway of `bench/gateway.ts`: `FILE` says what to serve (GatewaySite). The same service that an agent runs, with its
 * settings as shipped (one thread, access log, metrics, usage), configured by resources through the compiler. The access log goes to a file
 * in its folder.
 */

interface Site {
  readonly arm: 'plain' | 'key' | 'jwt';
  readonly folder: string;
  readonly port: number;
  readonly backendPort: number;
  readonly keys: readonly string[];
  readonly jwks: { readonly file: string; readonly issuer: string; readonly audience: string };
  readonly workers: number;
}

// The bench wrote it a moment ago.
const site = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Site;
const peppers = { hub: Buffer.alloc(32, 1), cluster: Buffer.alloc(32, 2) };
const table = createSharedKeyTable({ expected: site.keys.length });
const hubDigest = createHubDigest(peppers.hub);
const clusterDigest = createClusterDigest(peppers.cluster);
for (const [at, key] of site.keys.entries())
  table.apply({
    digest: clusterDigest(hubDigest(key)),
    removed: false,
    id: `k-${String(at).padStart(10, 'a')}`,
    namespace: 'shop',
    principal: `client${at}`,
    roles: ['reader'],
    plan: 'gold',
    labels: {},
    attributes: {},
    expiresAtSeconds: 0,
    revoked: false,
  });

/** As in the other arms the path decides nothing, and the expression looks at the request and at the caller. */
const CEL = 'request.method == "GET" && auth.plan != "" && !request.path.startsWith("/admin")';
const AUTHENTICATION = {
  plain: undefined,
  key: { keys: { apiKey: {} } },
  jwt: {
    tokens: {
      jwt: {
        issuer: site.jwks.issuer,
        audiences: [site.jwks.audience],
        algorithms: ['ES256'],
        jwksRef: { name: 'jwks' },
      },
    },
  },
} as const;
const authentication = AUTHENTICATION[site.arm];
const cel = site.arm === 'jwt' ? CEL.replace('auth.plan', 'auth.principal') : CEL;

const { part } = compiled(
  stored('Gateway', 'web', {
    gatewayClassName: 'portolan',
    listeners: [{ name: 'http', port: site.port, protocol: 'HTTP' }],
  }),
  stored('Backend', 'items', { endpoints: [{ address: '127.0.0.1', port: site.backendPort }] }),
  stored('HTTPRoute', 'items', {
    parentRefs: [{ name: 'web' }],
    rules: [{ backendRefs: [{ name: 'items', port: site.backendPort }] }],
  }),
  stored('Secret', 'jwks', {}),
  ...(authentication === undefined
    ? []
    : [
        stored('AuthPolicy', 'items', {
          targetRefs: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'items' }],
          rules: { authentication, authorization: { get: { cel: { expressions: [cel] } } } },
        }),
      ]),
);
const secrets: GatewaySecrets = {
  certificates: {},
  bundles: {},
  values: { 'shop/jwks/jwks.json': readFileSync(site.jwks.file, 'utf8') },
  peppers: { hub: peppers.hub.toString('base64'), cluster: peppers.cluster.toString('base64') },
};
const say = (details: object, message: string): void =>
  void process.stderr.write(`${message} ${JSON.stringify(details)}\n`);
const service = createGatewayService({
  settings: gatewaySettings.parse({
    workers: site.workers,
    accessLog: { file: `${site.folder}/access.log` },
  }),
  allowedRanges: ['127.0.0.0/8'],
  keys: table.shared,
  usage: () => undefined,
  monotonicMs: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  random: Math.random,
  log: { info: () => undefined, warn: say, error: say },
});
await service.serve(piecesOf(part), secrets, undefined);
for (const [listener, problem] of service.problems) process.stderr.write(`${listener}: ${problem}\n`);
process.on('SIGTERM', () => void service.close().then(() => process.exit(0)));
