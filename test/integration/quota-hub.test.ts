import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DurableStore } from '../../hub/store/open.ts';
import { longestLeaseMs } from '../../src/quota/ledger.ts';
import { ACTOR, postgresPlace, type StorePlace, sqlitePlace } from '../conformance/store-harness.ts';
import { startPostgres, type TestPostgres } from '../support/postgres.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import {
  away,
  budgetsOf,
  MINUTE,
  machine,
  NOON,
  PER_CUSTOMER,
  quotaHub,
  TestAgent,
  troubled,
} from './quota-hub/world.ts';

const NEXT = NOON + MINUTE;
const LIMIT = 'customers/per-customer/60s';
const AGENTS = ['paris', 'oslo', 'rome'];

let place: StorePlace;
let store: DurableStore;
beforeEach(async () => {
  place = await sqlitePlace();
  store = await place.open();
});
afterEach(() => place.remove());

const started = async (on = troubled(store).store, here = machine(), budgets = budgetsOf(PER_CUSTOMER)) => {
  const hub = quotaHub(on, here, () => AGENTS);
  await hub.service.follow(budgets);
  return { hub, here };
};

describe('the hub shares out limits', () => {
  it('I20 a restart in the middle of a window goes on where it was: what was granted stays granted, and no more', async () => {
    const { hub, here } = await started();
    const [paris, oslo] = [new TestAgent('paris', here), new TestAgent('oslo', here)];
    await paris.ask(hub, 60);
    paris.spend(NOON, 10);
    // The last answer is lost with the hub: durable all the same.
    await oslo.ask(hub, 100);
    const lost = oslo.replies.pop();
    expect(lost?.entries).toHaveLength(1);
    await store.close();
    store = await place.open();
    const { hub: again } = await started(troubled(store).store, here);
    expect(again.said).toEqual([]);
    const rome = new TestAgent('rome', here);
    for (const agent of [paris, rome, paris, oslo, rome]) await agent.ask(again, 100);
    expect(paris.last).toMatchObject({ closed: false, ledger: paris.replies[0]?.ledger });
    const sum = (startMs: number) =>
      [paris, oslo, rome].reduce((total, agent) => total + agent.granted(startMs), 0);
    expect(paris.granted(NOON)).toBeGreaterThanOrEqual(60);
    expect(sum(NOON)).toBe(100);
    here.pass(MINUTE);
    for (const agent of [paris, oslo, rome]) await agent.ask(again, 34);
    for (const agent of [paris, oslo, rome]) await agent.ask(again, 34);
    expect(sum(NEXT)).toBeGreaterThan(90);
    expect(sum(NEXT)).toBeLessThanOrEqual(100);
    await again.service.close();
  });

  it('I20 nothing leaves before it is durable; a slow store delays answers alone, and what waits is bounded', async () => {
    const { store: slow, trouble } = troubled(store);
    const { hub, here } = await started(slow);
    const gate = Promise.withResolvers<void>();
    trouble.before = () => gate.promise;
    const agents = AGENTS.map((name) => new TestAgent(name, here));
    // Five seconds at four requests a second of each.
    for (let n = 0; n < 20; n += 1) {
      for (const agent of agents) agent.say(hub, 10 + n);
      await setImmediate();
      await setImmediate();
    }
    here.pass(5_000);
    expect(agents.map(({ replies }) => replies.length)).toEqual([0, 0, 0]);
    expect(hub.service.stats.waiting).toBeLessThanOrEqual(AGENTS.length);
    expect(trouble.saves).toBe(1);
    trouble.before = async () => undefined;
    gate.resolve();
    await until(
      'answers',
      async () => agents.every(({ replies }) => replies.length === 2 || replies.length === 1) && idle(hub),
      5_000,
      1,
    );
    // The newest request of each was answered.
    for (const agent of agents) expect(agent.last?.entries[0]?.holdings).not.toEqual([]);
    expect(agents.reduce((sum, agent) => sum + agent.granted(NOON), 0)).toBeLessThanOrEqual(100);
    expect(hub.service.stats.overtaken).toBeGreaterThan(40);
    await hub.service.close();
  });

  it('I20 a store that fails keeps answers back until it has what they grant', async () => {
    const { store: failing, trouble } = troubled(store);
    const { hub, here } = await started(failing);
    let failures = 0;
    trouble.before = async () => {
      failures += 1;
      if (failures <= 5) throw away();
    };
    const paris = new TestAgent('paris', here);
    await paris.ask(hub, 40);
    expect(failures).toBe(6);
    expect(hub.said).toHaveLength(2);
    const { pages } = await store.loadQuota();
    expect(pages.size).toBe(hub.service.stats.pages);
    expect(pages.size).toBeGreaterThan(0);
    // Who changes a limit meanwhile is told that it is not certain yet.
    trouble.before = async () => {
      throw away();
    };
    await expect(hub.desk.reset('shop', { limit: 'customers', key: 'acme' }, ACTOR)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    await hub.service.close();
  });

  it('without a limit there is no ledger, no timer and no reading of the store', async () => {
    const { store: watched } = troubled(store);
    let loads = 0;
    const hub = quotaHub(
      {
        ...watched,
        loadQuota: () => {
          loads += 1;
          return watched.loadQuota();
        },
      },
      machine(),
      () => AGENTS,
    );
    expect(await hub.service.follow(budgetsOf())).toBe(0);
    new TestAgent('paris', machine()).say(hub, 1);
    expect(hub.service.stats).toMatchObject({ refused: { idle: 1 }, pages: 0 });
    expect({ loads, timers: hub.timers.size, ledger: hub.service.stats.ledger }).toEqual({
      loads: 0,
      timers: 0,
      ledger: undefined,
    });
    await hub.service.close();
  });

  it('a policy that is removed is granted no more, and forgotten when its windows are over', async () => {
    const { hub, here } = await started();
    const paris = new TestAgent('paris', here);
    await paris.ask(hub, 30);
    const granted = paris.granted(NOON);
    expect(granted).toBeGreaterThanOrEqual(30);
    expect(await hub.service.follow(budgetsOf())).toBe(2);
    await paris.ask(hub, 60);
    expect(paris.granted(NOON)).toBe(granted);
    expect(await hub.desk.list('shop', { most: 10 })).toMatchObject({ items: [] });
    await until(
      'the ledger is gone',
      async () => {
        await hub.second();
        return hub.service.stats.ledger === undefined;
      },
      20_000,
      1,
    );
    expect(hub.timers.size).toBe(0);
    // It begins again where it was, within the same run.
    expect(await hub.service.follow(budgetsOf(PER_CUSTOMER))).toBe(3);
    const oslo = new TestAgent('oslo', here);
    await oslo.ask(hub, 10);
    expect(oslo.last?.hubMs).toBeGreaterThan(paris.last?.hubMs ?? 0);
    expect(hub.said).toEqual([]);
    await hub.service.close();
  });

  it('I20 a book that cannot be read grants nothing, says so, and keeps nobody from changing gateways', async () => {
    await store.saveQuota(store.epoch, [{ page: 'ledger', content: Uint8Array.of(255, 255, 255) }], '');
    const { hub, here } = await started();
    expect(hub.service.stats).toMatchObject({ stopped: 'damaged', version: 1 });
    expect(hub.said).toEqual([expect.stringContaining('damaged')]);
    const paris = new TestAgent('paris', here);
    paris.say(hub, 1);
    await setImmediate();
    expect(paris.replies).toEqual([]);
    await expect(hub.desk.list('shop', { most: 1 })).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await hub.service.close();
  });

  it('the version of the limits grows when they change, also over a restart, and only then', async () => {
    const { hub } = await started();
    const { service } = hub;
    expect(await service.follow(budgetsOf({ ...PER_CUSTOMER }))).toBe(1);
    expect(await service.follow(budgetsOf({ ...PER_CUSTOMER, limit: 50 }))).toBe(2);
    await service.close();
    await store.close();
    store = await place.open();
    const { hub: again } = await started(
      troubled(store).store,
      machine(),
      budgetsOf({ ...PER_CUSTOMER, limit: 50 }),
    );
    expect(again.service.stats.version).toBe(2);
    expect(await again.service.follow(budgetsOf({ ...PER_CUSTOMER, limit: 60 }))).toBe(3);
    await again.service.close();
  });
});

const idle = async (hub: ReturnType<typeof quotaHub>): Promise<boolean> => {
  await setImmediate();
  return hub.service.open?.commits.idle === true;
};

describe('the clock of limits', () => {
  it.each([10 * MINUTE, -10 * MINUTE])(
    'I20 a step of the wall clock by %i ms moves no window, with the hub running or stopped',
    async (step) => {
      const { hub, here } = await started();
      const paris = new TestAgent('paris', here);
      await paris.ask(hub, 100);
      here.clocks.wallMs += step;
      await paris.ask(hub, 100);
      expect(paris.granted(NOON)).toBe(100);
      await hub.service.close();
      here.clocks.wallMs += step;
      const { hub: again } = await started(troubled(store).store, here);
      await paris.ask(again, 100);
      expect(paris.last).toMatchObject({ closed: false });
      expect(paris.granted(NOON)).toBe(100);
      expect(paris.last?.hubMs).toBeLessThan(NEXT);
      expect(again.service.stats.clockOffsetMs).toBeCloseTo(2 * step, -4);
      await again.service.close();
    },
  );

  it('I20 on another start of the machine nothing is granted for a lease, and agents begin anew', async () => {
    const { hub, here } = await started();
    const paris = new TestAgent('paris', here);
    await paris.ask(hub, 20);
    await hub.service.close();
    const there = machine('boot-2');
    there.clocks.wallMs = here.clocks.wallMs + 500;
    there.clocks.monotonicMs = 5_000;
    const { hub: again } = await started(troubled(store).store, there);
    expect(again.said).toEqual([expect.stringContaining('started anew')]);
    await paris.ask(again, 20);
    expect(paris.last?.closed).toBe(true);
    const anew = new TestAgent('paris', there, '2');
    await anew.ask(again, 20);
    expect(anew.granted(NOON)).toBe(0);
    const { verdict, until: end } = await again.desk.explain('shop', { limit: LIMIT, key: 'acme' });
    expect(verdict).toBe('paused');
    there.pass(longestLeaseMs() + 1_000);
    expect(Date.parse(end ?? '')).toBeLessThan(there.clocks.wallMs);
    await anew.ask(again, 20);
    expect(anew.granted(NOON)).toBeGreaterThan(0);
    expect(anew.granted(NOON)).toBeLessThanOrEqual(100 - 20);
    await again.service.close();
  });
});

describe('people and limits', () => {
  it('a limit that is lowered below what is leased takes effect when the window ends, and says so', async () => {
    const { hub, here } = await started();
    const paris = new TestAgent('paris', here);
    await paris.ask(hub, 80);
    expect(paris.granted(NOON)).toBeGreaterThanOrEqual(80);
    await hub.service.follow(budgetsOf({ ...PER_CUSTOMER, limit: 30 }));
    await paris.ask(hub, 100);
    const granted = paris.granted(NOON);
    const { items } = await hub.desk.list('shop', { limit: 'customers', most: 10 });
    expect(items[0]?.keys[0]).toMatchObject({
      key: 'acme',
      hits: 30,
      effectiveAt: new Date(NEXT).toISOString(),
      windows: [{ leased: granted, left: 0, clusters: [{ cluster: 'shop/paris', leased: granted }] }],
    });
    const told = await hub.desk.explain('shop', { limit: 'customers', key: 'acme' });
    expect(told).toMatchObject({ verdict: 'leased', until: new Date(NEXT).toISOString() });
    expect(told.explanation.join('\n')).toContain(`it holds for all from ${new Date(NEXT).toISOString()} on`);
    here.pass(MINUTE);
    await paris.ask(hub, 100);
    expect(paris.granted(NEXT)).toBeLessThanOrEqual(30);
    const later = await hub.desk.list('shop', { key: 'acme', most: 10 });
    expect(later.items[0]?.keys[0]).not.toHaveProperty('effectiveAt');
    await hub.service.close();
  });

  it('an operator gives one key more for a while, over a restart, and takes it back; the audit log says who', async () => {
    const { hub, here } = await started();
    const paris = new TestAgent('paris', here);
    const change = { limit: 'customers/per-customer', key: 'acme', reason: 'their sale' };
    const set = await hub.desk.set('shop', { ...change, hits: 150, seconds: 3_600 }, ACTOR);
    expect(set.keys[0]).toMatchObject({ key: 'acme', hits: 150 });
    await store.close();
    store = await place.open();
    const { hub: again } = await started(troubled(store).store, here);
    await paris.ask(again, 200);
    await paris.ask(again, 200);
    expect(paris.granted(NOON)).toBe(150);
    await new TestAgent('oslo', here).ask(again, 200, 'other');
    const told = await again.desk.explain('shop', { limit: LIMIT, key: 'acme' });
    expect(told.explanation.join('\n')).toMatch(/an operator set it to 150 .* the policy says 100/);
    await again.desk.unset('shop', change, ACTOR);
    here.pass(MINUTE);
    await paris.ask(again, 200);
    expect(paris.granted(NEXT)).toBe(100);
    expect(await store.audit({ limit: 10, namespace: 'shop' })).toMatchObject([
      { verb: 'quota.set', kind: 'RateLimitPolicy', name: 'customers', reason: 'their sale' },
      { verb: 'quota.set', kind: 'RateLimitPolicy', name: 'customers' },
    ]);
    await again.service.close();
  });

  it('a reset forgets what was admitted; what clusters hold stays counted', async () => {
    const { hub, here } = await started();
    const [paris, oslo] = [new TestAgent('paris', here), new TestAgent('oslo', here)];
    await paris.ask(hub, 100);
    paris.spend(NOON, 70);
    await paris.ask(hub, 0);
    await oslo.ask(hub, 100);
    expect(oslo.granted(NOON)).toBe(0);
    const { forgotten, limit } = await hub.desk.reset('shop', { limit: 'customers', key: 'acme' }, ACTOR);
    expect(forgotten).toBe(70);
    expect(limit.keys[0]?.windows[0]).toMatchObject({ spent: 0, leased: 30, left: 70 });
    await oslo.ask(hub, 100);
    expect(oslo.granted(NOON)).toBeLessThanOrEqual(70);
    expect(oslo.granted(NOON)).toBeGreaterThan(0);
    await hub.service.close();
  });

  it('names a limit by its beginning, and says which there are', async () => {
    const { hub } = await started(
      troubled(store).store,
      machine(),
      budgetsOf(
        PER_CUSTOMER,
        {
          ...PER_CUSTOMER,
          id: 'shop/customers/per-customer/day',
          window: { type: 'calendar', unit: 'day', timeZone: 'UTC' },
        },
        { ...PER_CUSTOMER, id: 'other/customers/all/60s' },
      ),
    );
    const { items } = await hub.desk.list('shop', { limit: 'customers', most: 10 });
    expect(items.map(({ limit, window }) => `${limit} ${window}`)).toEqual([
      'customers/per-customer/60s 60s',
      'customers/per-customer/day day',
    ]);
    await expect(hub.desk.explain('shop', { limit: 'customers', key: '' })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
      fix: expect.stringContaining('customers/per-customer/day') as string,
    });
    await expect(hub.desk.list('shop', { limit: 'custom', most: 10 })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await expect(hub.desk.explain('shop', { limit: 'all', key: '' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await hub.service.close();
  });
});

async function twoHubs(on: StorePlace): Promise<void> {
  const here = machine();
  const first = await on.open();
  const { hub } = await started(troubled(first).store, here);
  const [paris, oslo] = [new TestAgent('paris', here), new TestAgent('oslo', here)];
  await paris.ask(hub, 50);
  const second = await on.open();
  const { hub: other } = await started(troubled(second).store, here);
  // Both are asked at the same time; the one before answers nobody any more.
  oslo.say(hub, 100);
  const rome = new TestAgent('rome', here);
  await rome.ask(other, 100);
  await until('it noticed', async () => hub.service.stats.stopped === 'fenced', 5_000, 1);
  oslo.say(hub, 100);
  await setImmediate();
  expect(oslo.replies).toEqual([]);
  expect(hub.service.stats.refused.stopped).toBe(1);
  expect(hub.said).toEqual([expect.stringContaining('another hub has taken over')]);
  await expect(hub.desk.list('shop', { most: 1 })).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(rome.granted(NOON)).toBeGreaterThan(0);
  expect(paris.granted(NOON) + rome.granted(NOON)).toBeLessThanOrEqual(100);
  expect(rome.last?.epoch).toBeGreaterThan(paris.last?.epoch ?? 0);
  await Promise.all([hub.service.close(), other.service.close()]);
}

describe('two hubs on one store by mistake', () => {
  it('I20 the one that came later grants, the other one nothing any more', () => twoHubs(place));
});

const suite = 'two hubs on one PostgreSQL by mistake';
const postgresql = await requireServer('postgresql', suite);
describe.skipIf(!postgresql.available)(suite, () => {
  let server: TestPostgres;
  let there: StorePlace;
  beforeAll(async () => {
    server = await startPostgres();
    there = await postgresPlace(server);
  });
  afterAll(async () => {
    await there.remove();
    await server.stop();
  });
  it('I20 the one that came later grants, the other one nothing any more', () => twoHubs(there));
});
