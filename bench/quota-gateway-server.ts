import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { budgetOf, limitOf, quotaPartOf } from '../gateway/quota/testing/quota-world.ts';
import { createGatewayService } from '../gateway/service.ts';
import { backendAt, EDGE, matchOf, ruleOf } from '../gateway/testing/gateway-fixture.ts';
import { type GatewayPart, NO_GATEWAY_SECRETS } from '../src/policy/model.ts';
import { piecesOf } from '../src/policy/piece-bytes.ts';
import { createLedger } from '../src/quota/ledger.ts';

/*
 * The gateway of `bench/quota.ts` in a process of its own: one thread; path /plain without a limit, /limited with one for each value of a
 * header, granted by a ledger in this process. Writes its port once it serves, and for each line that it reads the CPU seconds it used.
 */

const backend = createServer((_, answer) => answer.end('ok'));
await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
const quota = quotaPartOf(
  [budgetOf('bench', 2 ** 40, { scope: '*', window: { type: 'length', ms: 60_000 } })],
  [limitOf('per-customer', [0], { counters: ["request.headers['x-customer']"], cost: { most: 1 } })],
);
const path = (value: string) => ({ path: { type: 'exact' as const, value } });
const part: GatewayPart = {
  ports: [
    {
      port: 80,
      protocol: 'http',
      edge: 'edge',
      listeners: [
        {
          id: 'bench/gateway/http',
          source: { kind: 'Gateway', name: 'bench/gateway', sectionName: 'http' },
          hosts: [{ matches: [matchOf('plain', path('/plain')), matchOf('limited', path('/limited'))] }],
        },
      ],
    },
  ],
  rules: { plain: ruleOf('plain'), limited: ruleOf('limited', { quota: 'policy' }) },
  backends: { service: backendAt((backend.address() as AddressInfo).port) },
  auth: {},
  edge: { edge: EDGE },
  quota,
};
const ledger = createLedger({ epoch: 1, nowMs: Date.now(), newId: () => crypto.randomUUID() });
ledger.setAgents(new Map([['bench', ['*']]]), Date.now());
ledger.setBudgets(new Map(quota.budgets.map((budget) => [budget.id, budget])), quota.version, Date.now());
const service = createGatewayService({
  settings: {
    host: '127.0.0.1',
    ports: { '80': 0 },
    workers: 1,
    graceSeconds: 1,
    accessLog: {},
  },
  allowedRanges: ['127.0.0.0/8'],
  keys: undefined,
  quota: {
    exchange(request) {
      const reply = ledger.exchange('bench', request, Date.now());
      ledger.takeChanges();
      setImmediate(() => service.quotaReply(reply));
    },
  },
  monotonicMs: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  random: Math.random,
  log: { info: () => undefined, warn: console.warn, error: console.error },
});
await service.serve(piecesOf(part), NO_GATEWAY_SECRETS, undefined);
process.stdout.write(`${service.bound[0]?.boundPort ?? 0}\n`);
process.stdin.on('data', () => {
  const { user, system } = process.cpuUsage();
  process.stdout.write(`${(user + system) / 1e6}\n`);
});
process.stdin.on('end', () => process.exit(0));
