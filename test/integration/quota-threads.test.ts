import { Agent, get } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { budgetOf, limitOf } from '../../gateway/quota/testing/quota-world.ts';
import { createGatewayService, type GatewayService } from '../../gateway/service.ts';
import { EDGE, matchOf, ruleOf } from '../../gateway/testing/gateway-fixture.ts';
import { type GatewayPart, NO_GATEWAY_SECRETS, type QuotaPart } from '../../src/policy/model.ts';
import { piecesOf } from '../../src/policy/piece-bytes.ts';
import { createLedger } from '../../src/quota/ledger.ts';

/* Threads of a gateway with limits, as the agent runs them, and a ledger in the place of the hub. */

let service: GatewayService | undefined;

afterEach(async () => {
  await service?.close();
  service = undefined;
});

/** Admitted requests are redirected: there is no backend. */
function partOf(quota: QuotaPart | undefined): GatewayPart {
  const rule = ruleOf('all', {
    filters: [{ type: 'redirect', hostname: 'elsewhere.example', statusCode: 302 }],
    ...(quota === undefined ? {} : { quota: 'policy' }),
  });
  const listener = {
    id: 'default/gateway/http',
    source: { kind: 'Gateway', name: 'default/gateway', sectionName: 'http' },
    hosts: [{ matches: [matchOf('all')] }],
  };
  return {
    ports: [{ port: 80, protocol: 'http', edge: 'edge', listeners: [listener] }],
    rules: { all: rule },
    backends: {},
    auth: {},
    edge: { edge: EDGE },
    ...(quota === undefined ? {} : { quota }),
  };
}

function quotaOf(version: number, limits: readonly (readonly [id: string, limit: number])[]): QuotaPart {
  return {
    version,
    budgets: limits.map(([id, limit]) => budgetOf(id, limit)),
    policies: {
      policy: {
        source: [],
        limits: limits.map(([id], place) =>
          limitOf(id, [place], { counters: ["request.headers['user']"], waitMs: 5_000 }),
        ),
      },
    },
    domains: {},
  };
}

/** As the hub's clock: it goes evenly, and in less than whole milliseconds. One that is cut to them is another clock at each look. */
function hubMs(): number {
  return performance.timeOrigin + performance.now();
}

function start(workers: number) {
  const ledger = createLedger({ epoch: 1, nowMs: hubMs(), newId: () => crypto.randomUUID() });
  ledger.setAgents(new Map([['agent', ['default', '*']]]), hubMs());
  const problems: string[] = [];
  const note = (_: object, message: string): void => void problems.push(message);
  const running = createGatewayService({
    settings: { host: '127.0.0.1', ports: { '80': 0 }, workers, graceSeconds: 1, accessLog: {} },
    allowedRanges: [],
    keys: undefined,
    quota: {
      exchange(request) {
        const reply = ledger.exchange('agent', request, hubMs());
        ledger.takeChanges();
        setImmediate(() => running.quotaReply(reply));
      },
    },
    monotonicMs: () => performance.now(),
    after: (delayMs, task) => {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    log: { info: () => undefined, warn: note, error: note },
  });
  service = running;
  return {
    problems,
    async serve(quota: QuotaPart | undefined): Promise<void> {
      const budgets = new Map((quota?.budgets ?? []).map((budget) => [budget.id, budget]));
      ledger.setBudgets(budgets, quota?.version ?? 0, hubMs());
      await running.serve(piecesOf(partOf(quota)), NO_GATEWAY_SECRETS, undefined);
    },
    /** How many of so many requests at once were admitted; the others were refused with 429. */
    async ask(count: number, user: string): Promise<number> {
      const port = running.bound[0]?.boundPort ?? 0;
      const statuses = await Promise.all(Array.from({ length: count }, () => statusAt(port, { user })));
      const admitted = statuses.filter((status) => status === 302).length;
      expect(statuses.filter((status) => status === 429)).toHaveLength(count - admitted);
      return admitted;
    },
    running,
  };
}

function statusAt(port: number, headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    // Each on a connection of its own, so that all threads get some.
    get({ host: '127.0.0.1', port, headers, agent: new Agent({ keepAlive: false }) }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on('error', reject);
  });
}

describe('the threads of a gateway with limits', () => {
  it('I20 admit together exactly what the limit says, whatever becomes of the configuration', async () => {
    const world = start(3);
    await world.serve(undefined);
    expect(world.running.quotaState()).toBeUndefined();
    await world.serve(quotaOf(1, [['per-user', 40]]));
    expect(await world.ask(90, 'alice')).toBe(40);
    expect(await world.ask(30, 'bob')).toBe(30);
    // Another budget takes the place of the first in the list: what is used up stays so.
    await world.serve(
      quotaOf(2, [
        ['another', 60],
        ['per-user', 40],
      ]),
    );
    expect(await world.ask(10, 'alice')).toBe(0);
    expect(await world.ask(30, 'bob')).toBe(10);
    // Without the limit everybody passes; when it is back, the window is still the same.
    await world.serve(undefined);
    expect(await world.ask(20, 'alice')).toBe(20);
    await world.serve(quotaOf(3, [['per-user', 40]]));
    expect(await world.ask(10, 'bob')).toBe(0);
    expect(await world.ask(10, 'carol')).toBe(10);
    const families = world.running.metrics();
    const exceeded = families
      .find(({ name }) => name === 'portolan_gateway_quota_decisions_total')
      ?.samples.filter(({ labels }) => labels?.outcome === 'exceeded' && labels.limit === 'per-user')
      .reduce((sum, { value }) => sum + value, 0);
    expect(exceeded).toBe(50 + 10 + 20 + 10);
    expect(world.problems).toEqual([]);
  });
});
