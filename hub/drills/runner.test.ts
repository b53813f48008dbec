import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { DrillSpec } from '../../src/resources/drill.ts';
import type { Key, Store } from '../store/contract.ts';
import { openStore } from '../store/open.ts';
import { createDrillEffects, type DrillEffects } from './effects.ts';
import type { GuardVerdict } from './guards.ts';
import type { AnswerSample, RequestSample } from './observations.ts';
import { BASELINE_MS, type DrillView } from './run.ts';
import { createDrillRunner, type DrillRunner, type DrillRunnerOptions } from './runner.ts';

/* A real store; the world and its clock are pretended: waiting moves the clock, and nothing else does. */

const actor = { id: 'token/t', display: 'tester' };
const key: Key<'Drill'> = { kind: 'Drill', namespace: 'default', name: 'd' };
const SPEC: DrillSpec = {
  action: 'fail',
  cluster: 'de',
  durationSeconds: 60,
  countries: ['DE'],
  guards: { minCapacityPercent: 30, maxErrorRatePercent: 5 },
};

let folder: string;
let store: Store;
let nowMs: number;
let effects: DrillEffects;
let changes: string[];
let errors: PortolanError[];
let world: Pretended;
const runners: DrillRunner[] = [];

/** Detected 1 s after the fault, decided after 2 s; admitted again 10 s after it ended. */
class Pretended implements DrillView {
  guardsNow: readonly GuardVerdict[] = [];
  breachNow: GuardVerdict | undefined;
  failing: Error | undefined;
  counts: readonly RequestSample[] = [];
  /** What the policy gives the cluster while nothing is wrong. */
  percent = 100;
  /** Seconds; with one, the cluster leaves by and by, as soon as the fault begins. */
  ramp = 0;
  /** The cluster is never drawn, though it has its share. */
  unlucky = false;
  #clearedMs = Number.NEGATIVE_INFINITY;
  #setMs: number | undefined;
  #heldMs = 0;
  noteEffect(): void {
    const on = effects.all.length > 0;
    if (on) this.#setMs ??= nowMs;
    else if (this.#setMs !== undefined) {
      this.#clearedMs = nowMs;
      this.#heldMs = nowMs - this.#setMs;
      this.#setMs = undefined;
    }
  }
  guards = () => this.guardsNow;
  breach = () => this.breachNow;
  addresses = () => new Set(['192.0.2.1']);
  progress() {
    const held = this.#setMs === undefined ? 0 : nowMs - this.#setMs;
    if (this.ramp > 0) {
      const drained = this.#setMs !== undefined;
      return { detected: drained, decided: drained, detail: 'drained' };
    }
    const decided = held >= 2_000 || (this.#setMs === undefined && nowMs - this.#clearedMs < 10_000);
    return { detected: held >= 1_000, decided, detail: 'said by the votes' };
  }
  rampSeconds = () => this.ramp;
  share() {
    const place = { hostname: 'www.example.com.', country: 'DE' };
    if (this.ramp === 0) return [{ ...place, percent: this.progress().decided ? 0 : this.percent }];
    const rampMs = this.ramp * 1000;
    const taken =
      this.#setMs === undefined
        ? Math.max(0, Math.min(rampMs, this.#heldMs) - (nowMs - this.#clearedMs))
        : Math.min(rampMs, nowMs - this.#setMs);
    return [{ ...place, percent: this.percent * (1 - taken / rampMs) }];
  }
  async observe(): Promise<readonly AnswerSample[]> {
    if (this.failing !== undefined) throw this.failing;
    const out = this.unlucky || this.share().every((s) => s.percent === 0);
    return [
      {
        server: 'hub',
        hostname: 'www.example.com.',
        country: 'DE',
        answers: [out ? '192.0.2.2' : '192.0.2.1'],
        ttlSeconds: 5,
      },
    ];
  }
  counters = async () => this.counts;
}

function newRunner(extra: Partial<DrillRunnerOptions> = {}): DrillRunner {
  const runner = createDrillRunner({
    store,
    view: world,
    effects,
    monotonicMs: () => nowMs,
    wallMs: () => 1_790_000_000_000 + nowMs,
    wait: async (ms) => {
      await turn();
      nowMs += ms;
    },
    onError: (error) => void errors.push(error),
    ...extra,
  });
  runners.push(runner);
  return runner;
}

async function createDrill(
  name = 'd',
  namespace = 'default',
  spec: Partial<DrillSpec> = {},
): Promise<Key<'Drill'>> {
  const created: Key<'Drill'> = { kind: 'Drill', namespace, name };
  await store.commit([{ type: 'create', key: created, spec: { ...SPEC, ...spec } }], { actor });
  return created;
}

/** Looks at every turn of the event loop until it is so. */
async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (let i = 0; i < 20_000; i += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await turn();
  }
  throw new Error('it never came to that');
}

const drillNow = async (): Promise<Resource<'Drill'> | undefined> => store.get(key);
const ended = (of: Key<'Drill'> = key): Promise<Resource<'Drill'>> =>
  until(async () => {
    const drill = await store.get(of);
    return drill?.status?.endedAt === undefined ? undefined : drill;
  });
const kinds = (drill: Resource<'Drill'>): readonly string[] =>
  drill.status?.timeline.map((e) => e.kind) ?? [];
const faulted = (): Promise<true> => until(() => (effects.all.length > 0 ? true : undefined));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-drills-'));
  nowMs = 0;
  store = await openStore(
    { kind: 'sqlite', file: join(folder, 'store.db') },
    { kek: randomBytes(32), wallClock: () => 1_790_000_000_000 + nowMs, random: randomBytes },
  );
  changes = [];
  errors = [];
  effects = createDrillEffects(() => {
    changes.push(effects.all.map((e) => `${e.action} ${e.cluster}`).join());
    world.noteEffect();
  });
  world = new Pretended();
  await createDrill();
});
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.close();
  expect(effects.all, 'no effect is left behind').toEqual([]);
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

describe('a drill', () => {
  it('runs its course: baseline, fault, detection, decision, convergence, rollback, recovery, report', async () => {
    await newRunner().start(key, actor);
    const drill = await ended();
    expect(kinds(drill)).toEqual([
      'started',
      'detected',
      'decided',
      'published',
      'converged',
      'rollback',
      'recovered',
      'finished',
    ]);
    const { phase, report } = drill.status ?? {};
    expect(phase).toBe('Completed');
    expect(report).toMatchObject({ detectMs: 1_000, decideMs: 2_000, publishMs: 2_000, staleTailMs: 5_000 });
    expect(report?.convergeMs).toBeGreaterThanOrEqual(2_000);
    expect(report?.recoverMs).toBeGreaterThanOrEqual(10_000);
    expect(report?.countries[0]).toMatchObject({
      before: ['192.0.2.1'],
      during: ['192.0.2.2'],
      after: ['192.0.2.1'],
    });
    expect(changes).toEqual(['fail default/de', '']);
    expect(nowMs).toBeGreaterThanOrEqual(BASELINE_MS + 70_000);
  });

  it('that runs a second time keeps nothing of the first', async () => {
    const runner = newRunner();
    await runner.start(key, actor);
    await ended();
    await until(async () =>
      (await runner.start(key, actor).catch(() => undefined)) === undefined ? undefined : true,
    );
    const again = await drillNow();
    expect(kinds(again ?? (await ended()))).not.toContain('finished');
    expect(again?.status?.report).toBeUndefined();
    expect(again?.status?.endedAt).toBeUndefined();
  });

  it('aborted by a person: the effect is gone before the answer, and the drill ends as Aborted', async () => {
    const runner = newRunner();
    await runner.start(key, actor);
    await faulted();
    await runner.abort(key, actor);
    expect(effects.all).toEqual([]);
    const drill = await ended();
    expect(drill.status?.phase).toBe('Aborted');
    expect(kinds(drill)).toContain('note');
    expect(drill.status?.report?.outcome).toContain('aborted by tester');
    expect(changes).toEqual(['fail default/de', '']);
  });

  it('aborted before its fault never begins it', async () => {
    const runner = newRunner();
    await runner.start(key, actor);
    await runner.abort(key, actor);
    expect((await ended()).status?.phase).toBe('Aborted');
    expect(changes).toEqual([]);
  });

  const broken = (name: GuardVerdict['name']): GuardVerdict => ({ name, ok: false, detail: 'figures' });
  const ways: Readonly<Record<string, Partial<Pick<Pretended, 'guardsNow' | 'breachNow' | 'counts'>>>> = {
    capacity: { guardsNow: [broken('capacity')] },
    residency: { breachNow: broken('residency') },
    'error-rate': { counts: [{ endpoint: 'a', requests: 1_000, errors: 400 }] },
  };
  it.each(Object.keys(ways))('rolls back and fails when the %s guard breaks', async (name) => {
    world.counts = [{ endpoint: 'a', requests: 10, errors: 0 }];
    await newRunner().start(key, actor);
    await faulted();
    Object.assign(world, ways[name]);
    const drill = await ended();
    expect(drill.status?.phase).toBe('Failed');
    expect(drill.status?.timeline.find((e) => e.kind === 'guard')?.message).toContain(`guard ${name}`);
    expect(changes).toEqual(['fail default/de', '']);
  });

  it('is refused with the figures while a guard is broken, and nothing is stored', async () => {
    world.guardsNow = [broken('capacity')];
    await expect(newRunner().start(key, actor)).rejects.toMatchObject({
      code: 'DRILL_REFUSED',
      message: expect.stringContaining('capacity (figures)') as unknown,
    });
    expect((await drillNow())?.status).toBeUndefined();
  });

  it('excludes another one in its namespace, and not in others', async () => {
    await createDrill('other');
    await createDrill('d', 'elsewhere');
    const runner = newRunner();
    await runner.start(key, actor);
    await expect(runner.start({ ...key, name: 'other' }, actor)).rejects.toMatchObject({
      code: 'DRILL_ACTIVE',
    });
    await expect(runner.start(key, actor)).rejects.toMatchObject({ code: 'DRILL_ACTIVE' });
    await expect(runner.start({ ...key, namespace: 'elsewhere' }, actor)).resolves.toBeDefined();
  });
});

describe('what a drill says of convergence', () => {
  it('is nothing when nothing was decided, however often the cluster was not drawn', async () => {
    world.percent = 10;
    world.unlucky = true;
    const runner = newRunner();
    await runner.start(key, actor);
    await faulted();
    const atMs = nowMs;
    await until(() => (nowMs >= atMs + 500 ? true : undefined));
    await runner.abort(key, actor);
    const { report } = (await ended()).status ?? {};
    expect(report).not.toHaveProperty('convergeMs');
    expect(report).not.toHaveProperty('decideMs');
    expect(report?.countries).toMatchObject([{ country: 'DE', affected: true }]);
    expect(report?.countries[0]).not.toHaveProperty('convergedMs');
    expect(report?.outcome).toContain('nobody had decided yet that de is out when it was rolled back');
  });

  it('is nothing while a ramp goes on, and the outcome says how far it had come', async () => {
    world.ramp = 600;
    world.percent = 50;
    world.unlucky = true;
    const drain = await createDrill('drain', 'default', { action: 'drain', durationSeconds: 12 });
    await newRunner().start(drain, actor);
    const { status } = await ended(drain);
    expect(status?.timeline.map((e) => e.kind)).not.toContain('converged');
    expect(status?.report).toMatchObject({ decideMs: 0 });
    expect(status?.report).not.toHaveProperty('convergeMs');
    expect(status?.report?.outcome).toContain('the ramp of 600 s had taken 2 % when it was rolled back');
    expect(status?.report?.outcome).toMatch(/% of the answers for www\.example\.com in DE, 50 % before/);
  });

  it('is the end of the ramp, and recovery the time until its share is back', async () => {
    world.ramp = 20;
    world.percent = 50;
    world.unlucky = true;
    const drain = await createDrill('drain', 'default', { action: 'drain', durationSeconds: 30 });
    await newRunner().start(drain, actor);
    const { report } = (await ended(drain)).status ?? {};
    expect(report?.convergeMs).toBeGreaterThanOrEqual(20_000);
    expect(report?.convergeMs).toBeLessThan(21_000);
    expect(report?.recoverMs).toBeGreaterThanOrEqual(19_800);
    expect(report?.recoverMs).toBeLessThan(21_000);
  });

  it('bounds the wait for the share by the ramp and 30 s', async () => {
    world.ramp = 20;
    const drain = await createDrill('drain', 'default', { action: 'drain', durationSeconds: 30 });
    await newRunner().start(drain, actor);
    await faulted();
    // Somebody took weight away meanwhile: what was before does not come back.
    world.percent = 40;
    const drill = await ended(drain);
    expect(drill.status?.phase).toBe('Completed');
    expect(drill.status?.report).not.toHaveProperty('recoverMs');
    expect(drill.status?.report?.outcome).toContain(
      'did not get its share back within 50 s (40 % of the answers for www.example.com in DE, 100 % before)',
    );
  });
});

describe('I35 a drill leaves no effect behind', () => {
  it('when what it asks of the world throws: it ends as Failed and says why', async () => {
    await newRunner().start(key, actor);
    await faulted();
    world.failing = new PortolanError('STORE_UNAVAILABLE', 'nobody there');
    const drill = await ended();
    expect(drill.status).toMatchObject({ phase: 'Failed' });
    expect(drill.status?.report?.outcome).toContain('STORE_UNAVAILABLE');
    expect(errors.map((e) => e.code)).toEqual(['STORE_UNAVAILABLE']);
    expect(changes).toEqual(['fail default/de', '']);
  });

  it('when its writes fail for a while: the effect ends at once, the end is written when that is possible', async () => {
    let full = false;
    const runner = newRunner({
      store: {
        get: store.get.bind(store),
        list: store.list.bind(store),
        commit: (...args) =>
          full ? Promise.reject(new PortolanError('DISK_FULL', 'no room')) : store.commit(...args),
      },
      wait: async (ms) => {
        await turn();
        if (effects.all.length > 0) full = true;
        nowMs += ms;
        // Room again after the third try.
        if (full && effects.all.length === 0 && nowMs > 12_000) full = false;
      },
    });
    await runner.start(key, actor);
    const drill = await ended();
    expect(drill.status?.phase).toBe('Failed');
    expect(drill.status?.report?.outcome).toContain('DISK_FULL');
    expect(changes).toEqual(['fail default/de', '']);
  });

  it('when the drill is deleted under it', async () => {
    await newRunner().start(key, actor);
    await faulted();
    await store.commit([{ type: 'delete', key }], { actor });
    await until(() => (errors.length > 0 ? true : undefined));
    expect(errors[0]?.code).toBe('NOT_FOUND');
    expect(effects.all).toEqual([]);
  });

  it('when the hub stops: the next start finishes it as Aborted', async () => {
    const first = newRunner();
    await first.start(key, actor);
    await faulted();
    await first.close();
    expect(effects.all).toEqual([]);
    expect((await drillNow())?.status?.phase).toBe('Running');
    const second = newRunner();
    await second.recover();
    const drill = await ended();
    expect(drill.status).toMatchObject({ phase: 'Aborted' });
    expect(drill.status?.report?.outcome).toContain('the hub stopped during the drill');
    await expect(second.start(key, actor)).resolves.toMatchObject({ status: { phase: 'Running' } });
    // What the first had not found out yet is not in the report of its end.
    expect(drill.status?.report).not.toHaveProperty('detectMs');
    await expect(first.start(key, actor)).rejects.toMatchObject({ code: 'NOT_READY' });
  });

  it('when the hub stops after convergence: the next start keeps what was found out, and adds the outcome', async () => {
    const first = newRunner();
    await first.start(key, actor);
    const known = await until(async () => {
      const drill = await drillNow();
      return drill !== undefined && kinds(drill).includes('converged') ? drill.status?.report : undefined;
    });
    expect(known).toMatchObject({ detectMs: 1_000, decideMs: 2_000, publishMs: 2_000 });
    await first.close();
    await newRunner().recover();
    const { status } = await ended();
    expect(status?.phase).toBe('Aborted');
    expect(status?.report).toEqual({
      ...known,
      outcome: expect.stringContaining('the hub stopped during the drill') as unknown,
    });
    expect(status?.report?.convergeMs).toBeGreaterThanOrEqual(2_000);
    expect(status?.report?.countries[0]).toMatchObject({ country: 'DE', during: ['192.0.2.2'] });
  });

  it('when an error ends it after the decision: the report keeps what was found out', async () => {
    await newRunner().start(key, actor);
    await until(async () => {
      const drill = await drillNow();
      return drill !== undefined && kinds(drill).includes('decided') ? true : undefined;
    });
    world.failing = new PortolanError('STORE_UNAVAILABLE', 'nobody there');
    const { report } = (await ended()).status ?? {};
    expect(report).toMatchObject({ detectMs: 1_000, decideMs: 2_000 });
    expect(report?.outcome).toContain('STORE_UNAVAILABLE');
  });

  it('a drill that nobody runs can be aborted; one that is over cannot', async () => {
    const stopped = newRunner();
    await stopped.start(key, actor);
    await stopped.close();
    const runner = newRunner();
    expect((await runner.abort(key, actor)).status?.phase).toBe('Aborted');
    await expect(runner.abort(key, actor)).rejects.toMatchObject({ code: 'DRILL_REFUSED' });
  });
});
