import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { createGatewayService } from '../gateway/service.ts';
import { budgetsOf } from '../src/policy/budgets.ts';
import { NO_GATEWAY_SECRETS } from '../src/policy/model.ts';
import { piecesOf } from '../src/policy/piece-bytes.ts';
import { compiled, objectsOf, stored } from '../src/policy/testing/gateway-objects.ts';
import { createLedger } from '../src/quota/ledger.ts';

/**
 * `quota-rls-server.ts PORT WORKERS`: an agent's gateway threads with the rate limit service of Envoy on 127.0.0.1:PORT, and the hub's ledger in
 * the place of the link. One limit for each `user` that nobody reaches.
 */
const [port = '0', workers = '1'] = process.argv.slice(2);
const policy = stored('RateLimitPolicy', 'bench', {
  domain: 'envoy',
  rules: {
    limits: {
      user: { counters: ["descriptors[0]['user']"], rates: [{ limit: 4_000_000_000, window: '1h' }] },
    },
  },
});
const { part } = compiled(policy);
const ledger = createLedger({ epoch: 1, nowMs: Date.now(), newId: randomUUID });
ledger.setAgents(new Map([['agent', ['shop', '*']]]), Date.now());
ledger.setBudgets(budgetsOf(objectsOf(policy)), part.quota?.version ?? 0, Date.now());

const service = createGatewayService({
  settings: {
    host: '127.0.0.1',
    ports: {},
    workers: Number(workers),
    graceSeconds: 1,
    accessLog: {},
    authorization: {
      grpcListen: { host: '127.0.0.1', port: Number(port) },
      trustedPeers: ['127.0.0.0/8'],
    },
  },
  allowedRanges: [],
  keys: undefined,
  quota: {
    exchange: (request) =>
      setImmediate(() => {
        const reply = ledger.exchange('agent', request, Date.now());
        ledger.takeChanges();
        service.quotaReply(reply);
      }),
  },
  monotonicMs: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  random: () => randomInt(2 ** 31) / 2 ** 31,
  log: {
    info: () => undefined,
    warn: (details, message) => process.stderr.write(`${message} ${JSON.stringify(details)}\n`),
    error: (details, message) => process.stderr.write(`${message} ${JSON.stringify(details)}\n`),
  },
});
await service.serve(piecesOf(part), NO_GATEWAY_SECRETS, undefined);
process.stdout.write(`ready ${randomBytes(2).toString('hex')}\n`);
process.stdin.resume().on('end', () => process.exit(0));
