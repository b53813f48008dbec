import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { createTsigKeys } from '../hub/dnssec/tsig-keys.ts';
import { createDrillEffects } from '../hub/drills/effects.ts';
import { createCaBundles } from '../hub/reconcile/ca-bundles.ts';
import { createEngine, type Engine } from '../hub/reconcile/engine.ts';
import { createNameServerSecrets } from '../hub/reconcile/name-server-secrets.ts';
import type { Change, Store } from '../hub/store/contract.ts';
import { openStore } from '../hub/store/open.ts';
import { openGeoDatabase } from '../nameserver/geo-database.ts';
import { createRoutedTable } from '../nameserver/routed-table.ts';
import { systemTimer } from '../prober/probe.ts';
import { createProber } from '../prober/scheduler.ts';
import { parseName } from '../src/dns/name.ts';
import { formatRdata } from '../src/dns/records/catalogue.ts';
import { respond } from '../src/dns/respond.ts';
import { EMPTY_TABLE } from '../src/dns/table.ts';
import { CLASS, TYPE } from '../src/dns/types.ts';
import { encodeMessage, makeQuery } from '../src/dns/wire/message.ts';
import { parseQuery } from '../src/dns/wire/query.ts';
import { assign } from '../src/health/assignment.ts';
import { DEFAULT_QUORUM, type Target } from '../src/health/types.ts';
import { newSnapshotKey, openSnapshotSigner } from '../src/identity/snapshot-signing.ts';
import { diffAnswers } from '../src/plan/answers.ts';
import { HelloSchema } from '../src/protocol/generated/portolan_pb.js';
import { toWireVotes } from '../src/protocol/votes.ts';
import { regionTable } from '../src/routing/geography.ts';
import { parseClient } from '../src/routing/location.ts';
import { changes, hostname, identities, NAMES, policyName, policySpec, update } from './plan-world.ts';

/*
 * The program that `bench/plan.ts` starts and measures: the hub's engine over a real store, with everything around it but
 * sockets. A process of its own, so that its memory is its own. Writes one JSON object to stdout.
 */

const REPETITIONS = 8;
const WARM_UP = 2;

/** Milliseconds of every measurement, and the memory. */
export interface PlanReport {
  readonly fullPlanMs: number;
  readonly healthMs: readonly number[];
  readonly tableMs: readonly number[];
  readonly diffMs: readonly number[];
  /** Until the last of a thousand agents was sent its snapshot. */
  readonly distributedMs: readonly number[];
  readonly rssBytes: number;
  readonly snapshotBytes: number;
}

// `prepare`: objects and statuses go into the store; `measure`: a hub that starts on it, with nothing else in its memory.
const [mode, folder = ''] = process.argv.slice(2);
const report = await measure();
if (report !== undefined) process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(0);

async function measure(): Promise<PlanReport | undefined> {
  const monotonicMs = (): number => performance.now();
  const actor = { id: 'bench', display: 'bench' };
  const durable = await openStore(
    { kind: 'sqlite', file: join(folder, 'store.db') },
    { kek: new Uint8Array(32), wallClock: Date.now, random: randomBytes },
  );
  if (mode === 'prepare') await fill(durable);
  const store = withAgents(durable);

  const geo = await openGeoDatabase(undefined);
  const context = { regions: regionTable(), allowedRanges: [] };
  const links: { engine?: Engine } = {};
  let tableAtMs = 0;
  let snapshotBytes = 0;
  let sentAtMs = 0;
  let sent = 0;
  const caBundles = createCaBundles(store);
  const begin = async (): Promise<Engine> =>
    createEngine(
      {
        store,
        signer: openSnapshotSigner(newSnapshotKey()),
        context,
        quorum: DEFAULT_QUORUM,
        failureDomain: 'hub',
        geo: () => geo,
        effects: createDrillEffects(() => links.engine?.effectsChanged()),
        caBundles,
        nameServerSecrets: createNameServerSecrets({
          tsigKeys: createTsigKeys(store, { warn: () => undefined }),
        }),
        compileTable(routing, lookup, view) {
          const { table, problems } = createRoutedTable({ routing, geo: lookup, view, random: Math.random });
          if (problems.length > 0) throw new Error(`${problems[0]?.path}: ${problems[0]?.message}`);
          tableAtMs = monotonicMs();
          return table;
        },
        // Every probe succeeds at once: what is measured is deciding, not the network.
        startProber: (onVotes) =>
          createProber({
            vantage: `hub/${store.hubUid}`,
            failureDomain: 'hub',
            clock: monotonicMs,
            setTimer: systemTimer,
            random: Math.random,
            resolve: () => Promise.reject(new Error('no names here')),
            allowedRanges: [],
            onVotes,
            probe: () => Promise.resolve({ kind: 'ok', latencyMs: 1 }),
          }),
        send(_agentUid, message) {
          if (message.kind.case !== 'snapshot') return;
          sentAtMs = monotonicMs();
          sent += 1;
          snapshotBytes = message.kind.value.parts.reduce((sum, p) => sum + p.content.length, 0);
        },
        monotonicMs,
        wallMs: Date.now,
        randomId: randomUUID,
        log: { info: () => undefined, warn: (details, message) => console.error(message, details) },
      },
      EMPTY_TABLE,
    );

  if (mode === 'prepare') {
    // The first start writes every status; what is measured is a hub that had them.
    const first = await begin();
    links.engine = first;
    await first.start();
    await atRest(durable);
    await first.close();
    await durable.close();
    return undefined;
  }
  const startMs = monotonicMs();
  const engine = await begin();
  links.engine = engine;
  await engine.start();
  const fullPlanMs = monotonicMs() - startMs;
  console.error(`plan: started in ${Math.round(fullPlanMs)} ms`);

  const ask = (index: number): readonly string[] => {
    const query = parseQuery(
      encodeMessage(makeQuery(0, { name: parseName(hostname(index)), type: TYPE.A, class: CLASS.IN })),
    );
    if (query === undefined) throw new Error('the question cannot be read');
    return respond(engine.table, query, parseClient('192.0.2.1')).answer.flatMap(({ set }) =>
      set.records.map(formatRdata),
    );
  };

  // --- votes: every target is up for its own agent and for others
  const agents = identities();
  const targets = [...engine.world.targets.values()];
  const assigned = assign(
    targets,
    agents.map((a) => ({
      id: a.agentUid,
      kind: 'agent',
      failureDomain: a.cluster.name,
      cluster: `${a.cluster.namespace}/${a.cluster.name}`,
    })),
  );
  let sequence = 0;
  const vote = (agentUid: string, ids: readonly string[], complete: boolean): void => {
    sequence += 1;
    const votes = ids.map((targetId) => ({
      vantage: `agent/${agentUid}`,
      failureDomain: '',
      sequence,
      targetId,
      verdict: down.has(targetId) ? ('down' as const) : ('up' as const),
      ageMs: 10,
      sinceMs: 10_000,
      detail: '',
    }));
    engine.onVotes(agentUid, 'first', toWireVotes({ sequence, connectedAgeMs: 0, complete, votes }));
  };
  const down = new Set<string>();
  const everybodyVotes = (): void => {
    for (const [uid, ids] of assigned) vote(uid, ids, true);
  };
  everybodyVotes();
  const beat = setInterval(everybodyVotes, 1_000);
  await until(
    () => [...engine.health.states.values()].filter((s) => s.state === 'up').length === targets.length,
  );
  await until(() => targets.every((t) => (engine.health.explain(t.id)?.votes.length ?? 0) >= 4));

  await atRest(durable);
  console.error('plan: votes heard, statuses written');
  // --- one endpoint's health
  const healthMs: number[] = [];
  for (let i = 0; i < REPETITIONS + WARM_UP; i += 1) {
    const name = 3 + i * 7;
    const before = ask(name);
    const target = targetAnswering(targets, before[0] ?? '');
    const watchers = [...assigned].filter(([, ids]) => ids.includes(target.id)).map(([uid]) => uid);
    down.add(target.id);
    for (const uid of watchers.slice(2)) vote(uid, [target.id], false);
    const atMs = monotonicMs();
    for (const uid of watchers.slice(0, 2)) vote(uid, [target.id], false);
    await until(() => engine.health.state(target.id) === 'down' && !ask(name).includes(target.address));
    if (i >= WARM_UP) healthMs.push(monotonicMs() - atMs);
  }

  console.error(`plan: health ${healthMs.map(Math.round).join(' ')}`);
  // --- one policy's spec
  const tableMs: number[] = [];
  const diffMs: number[] = [];
  const distributedMs: number[] = [];
  let changedAtMs = 0;
  for (const agent of agents)
    engine.onHello(
      agent.agentUid,
      create(HelloSchema, { agentVersion: '0.1.0', peerAddress: `${agent.cluster.name}.bench.example:7463` }),
    );
  await atRest(durable);
  for (let i = 0; i < REPETITIONS + WARM_UP; i += 1) {
    const index = (i * 431) % NAMES;
    // Until the change before has reached every agent: one alone is measured, not a queue.
    await until(() => sent >= agents.length, 120_000);
    sent = 0;
    distributedMs.push(sentAtMs - changedAtMs);
    const key = `default/${policyName(index)}`;
    const before = engine.world.policies.get(key)?.routed?.compiled;
    const sequenceBefore = engine.published?.sequence;
    await store.commit([update('TrafficPolicy', policyName(index), policySpec(index, 31 + i))], { actor });
    const atMs = monotonicMs();
    changedAtMs = atMs;
    await until(() => engine.published?.sequence !== sequenceBefore, 60_000);
    tableMs.push(tableAtMs - atMs);
    const diffFromMs = monotonicMs();
    diffAnswers(
      { policy: before, state: engine.health.view },
      { policy: engine.world.policies.get(key)?.routed?.compiled, state: engine.health.view },
    );
    diffMs.push(monotonicMs() - diffFromMs);
  }
  clearInterval(beat);
  const rssBytes = process.memoryUsage.rss();
  await engine.close();
  await durable.close();
  return {
    fullPlanMs,
    healthMs,
    tableMs: tableMs.slice(WARM_UP),
    diffMs: diffMs.slice(WARM_UP),
    distributedMs: distributedMs.slice(WARM_UP),
    rssBytes,
    snapshotBytes,
  };
}

async function fill(store: Store): Promise<void> {
  let batch: Change[] = [];
  const write = async (): Promise<void> => {
    await store.commit(batch, { actor: { id: 'bench', display: 'bench' } });
    batch = [];
  };
  for (const change of changes()) {
    batch.push(change);
    if (batch.length === 500) await write();
  }
  await write();
}

/** Resolves when nothing was written for two seconds: the statuses of ten thousand objects take a while. */
async function atRest(store: Store): Promise<void> {
  const revision = async (): Promise<number> => (await store.list({ kind: 'Zone' })).revision;
  for (let before = -1, now = await revision(); now !== before; ) {
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    before = now;
    now = await revision();
  }
}

function targetAnswering(targets: readonly Target[], address: string): Target {
  const found = targets.find((t) => t.address === address);
  if (found === undefined) throw new Error(`no target has the address "${address}"`);
  return found;
}

/** Joining a thousand agents is not what is measured: their identities are given. */
function withAgents(store: Store): Store {
  const agents = identities();
  return new Proxy(store, {
    get(target, property) {
      if (property === 'listAgents') return () => Promise.resolve(agents);
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

async function until(condition: () => boolean, limitMs = 90_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
