import { join } from 'node:path';
import { createSharedKeyTable } from '../gateway/keys/writer.ts';
import { openAgentSocket } from '../gateway/plugins/agent-socket.ts';
import { createGatewayService } from '../gateway/service.ts';
import { createClusterDigest, createHubDigest } from '../src/identity/api-key.ts';
import { NO_GATEWAY_SECRETS } from '../src/policy/model.ts';
import { piecesOf } from '../src/policy/piece-bytes.ts';
import { CLUSTER_PEPPER, chainPart, HUB_PEPPER, KEYS, keyOf, type ServiceName } from './chain-plan.ts';

/*
 * The agent of `npm run bench -- chain`, as its data process runs it: one gateway thread with metrics and access log, the port that
 * proxies ask, and the socket of plug-ins. Arguments: folder, port of the desk, ports of the services as JSON.
 */
const [folder = '', deskPort = '', portsText = '{}'] = process.argv.slice(2);
const ports = JSON.parse(portsText) as Record<ServiceName, number>;
const table = createSharedKeyTable();
const digest = createClusterDigest(CLUSTER_PEPPER);
const hub = createHubDigest(HUB_PEPPER);
for (let client = 0; client < KEYS; client += 1)
  table.apply({
    digest: digest(hub(keyOf(client))),
    removed: false,
    id: `k-${client}`,
    namespace: 'default',
    principal: `client-${client}`,
    roles: ['client'],
    plan: '',
    labels: {},
    attributes: {},
    expiresAtSeconds: 0,
    revoked: false,
  });
table.heard(0);
let counted = 0;
const count = (counts: readonly { readonly amount: number }[]): void => {
  for (const { amount } of counts) counted += amount;
};
const log = {
  info: () => undefined,
  warn: (details: object, message: string) =>
    void process.stderr.write(`${message} ${JSON.stringify(details)}\n`),
  error: (details: object, message: string) =>
    void process.stderr.write(`${message} ${JSON.stringify(details)}\n`),
};
const service = createGatewayService({
  settings: {
    host: '127.0.0.1',
    ports: { '80': 0 },
    workers: 1,
    graceSeconds: 1,
    accessLog: { file: join(folder, 'access.log') },
    authorization: { listen: { host: '127.0.0.1', port: Number(deskPort) }, trustedPeers: ['127.0.0.0/8'] },
  },
  allowedRanges: ['127.0.0.0/8'],
  keys: table.shared,
  usage: count,
  monotonicMs: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  random: Math.random,
  log,
});
const secrets = {
  ...NO_GATEWAY_SECRETS,
  peppers: { hub: HUB_PEPPER.toString('base64'), cluster: CLUSTER_PEPPER.toString('base64') },
};
const part = chainPart(ports);
await service.serve(piecesOf(part), secrets, undefined);
const plugins = await openAgentSocket({
  path: join(folder, 'plugin.sock'),
  keys: () => table.entries(),
  usage: count,
  log,
});
plugins.configured(() => part, secrets);
plugins.heard(0);
process.on('message', () => process.send?.({ counted }));
process.send?.({ gatewayPort: service.bound[0]?.boundPort ?? 0 });
