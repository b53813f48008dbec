import { PortolanError } from '../../src/errors/error.ts';
import { formatJoinToken, joinSecretSha256, newJoinSecret } from '../../src/identity/join-token.ts';
import { diffAnswers } from '../../src/plan/answers.ts';
import type { Removal } from '../../src/plan/budget.ts';
import type { GeoLookup } from '../../src/routing/model.ts';
import type {
  Admission,
  AnswerChange,
  AnswerDiff,
  ChangeContext,
  ClusterActionResult,
  HubServices,
  HubStatus,
  ProposedChange,
} from '../api/services.ts';
import { standingGuards } from '../drills/guards.ts';
import type { DrillRunner } from '../drills/runner.ts';
import type { Key, Store } from '../store/contract.ts';
import { admit } from './admission.ts';
import { drainedClusters, type Moment } from './capacity.ts';
import type { Engine } from './engine.ts';
import { objectKey } from './objects.ts';
import type { PlaceFinder } from './places.ts';
import { withDrains } from './proposed-view.ts';
import { resolve } from './resolve.ts';
import type { World, WorldContext } from './world.ts';

export interface ServicesOptions {
  readonly store: Store;
  readonly engine: Engine;
  readonly drills: DrillRunner;
  readonly context: WorldContext;
  readonly geo: GeoLookup;
  readonly places: PlaceFinder;
  readonly version: string;
  /** Join listeners as agents reach them, `https://host:port`. */
  readonly joinUrls: () => readonly string[];
  readonly caSpkiSha256: readonly string[];
  /** Where the hub's own name server answers, `host:port`. */
  readonly nameServers: () => readonly string[];
  /** Cuts the agent's stream after its identity was revoked. */
  readonly cutAgent: (agentUid: string) => void;
  readonly metrics: () => Promise<string>;
  readonly stopping: () => boolean;
  readonly wallMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

const BUDGET_KEY = 'plan/budget';

/** What the API needs of the world, from the engine, the store and the drills. */
export async function createServices(options: ServicesOptions): Promise<HubServices> {
  const { store, engine, context, wallMs } = options;
  const startedAt = new Date(wallMs()).toISOString();
  const budget = new Map<string, readonly Removal[]>(
    Object.entries(parseBudget(await store.getMeta(BUDGET_KEY))),
  );

  const moment = (): Moment => ({ targetState: (id) => engine.health.state(id), wallMs: wallMs() });
  const nameOf = (key: Key<'Cluster'>): string => objectKey(key.namespace, key.name);

  /** The engine must have seen every commit before anything is judged against its world. */
  async function currentWorld(): Promise<World> {
    await engine.caughtUp((await store.list({ kind: 'Drain' })).revision);
    return engine.world;
  }

  async function judge(
    changes: readonly ProposedChange[],
    context_: Pick<ChangeContext, 'force' | 'dryRun'>,
  ) {
    const world = await currentWorld();
    const joined = new Set(
      engine.agents.all.map((a) => objectKey(a.identity.cluster.namespace, a.identity.cluster.name)),
    );
    const outcome = admit({
      world,
      context,
      changes,
      force: context_.force,
      moment: moment(),
      budget,
      joined,
    });
    if (outcome.violations.length === 0 && !context_.dryRun && outcome.charges.size > 0) {
      for (const [hostname, history] of outcome.charges) budget.set(hostname, history);
      await store.putMeta(BUDGET_KEY, JSON.stringify(Object.fromEntries(budget)));
    }
    return { world, outcome };
  }

  async function planAnswers(changes: readonly ProposedChange[]): Promise<AnswerDiff> {
    const { world, outcome } = await judge(changes, { force: true, dryRun: true });
    return answerDiff(world, outcome.next, engine, wallMs());
  }

  async function requireCluster(key: Key<'Cluster'>) {
    const cluster = await store.get(key);
    if (cluster === undefined) {
      throw new PortolanError('NOT_FOUND', `there is no Cluster ${nameOf(key)}`, {
        fix: `List them with \`portolan get clusters -n ${key.namespace}\`.`,
      });
    }
    return cluster;
  }

  function refuse(outcome: Awaited<ReturnType<typeof judge>>['outcome']): void {
    const first = outcome.violations[0];
    if (first !== undefined) {
      throw new PortolanError(first.code, first.message, {
        fix: first.fix,
        violations: outcome.violations.map(({ change: _change, ...v }) => v),
      });
    }
  }

  async function drain(
    key: Key<'Cluster'>,
    drainOptions: ChangeContext & { readonly expiresAt?: string },
  ): Promise<ClusterActionResult> {
    await requireCluster(key);
    const drainKey: Key<'Drain'> = { kind: 'Drain', namespace: key.namespace, name: key.name };
    const current = await store.get(drainKey);
    const spec = {
      cluster: key.name,
      reason: drainOptions.reason ?? '',
      ...(drainOptions.expiresAt === undefined ? {} : { expiresAt: drainOptions.expiresAt }),
    };
    const next = {
      kind: 'Drain',
      namespace: key.namespace,
      name: key.name,
      spec,
      labels: {},
      annotations: {},
      finalizers: [],
    } as const;
    const proposed: ProposedChange =
      current === undefined
        ? { type: 'create', key: drainKey, next }
        : { type: 'update', key: drainKey, current: { ...current, kind: 'Drain' }, next };
    const { outcome } = await judge([proposed], drainOptions);
    refuse(outcome);
    await store.commit([{ type: current === undefined ? 'create' : 'update', key: drainKey, spec }], {
      ...commitOptions(drainOptions),
      verb: 'cluster.drain',
    });
    const until =
      drainOptions.expiresAt === undefined ? 'until it is undrained' : `until ${drainOptions.expiresAt}`;
    return {
      cluster: nameOf(key),
      state: 'draining',
      message: `${nameOf(key)} leaves the answers ${until}`,
      warnings: outcome.warnings,
    };
  }

  async function undrain(key: Key<'Cluster'>, context_: ChangeContext): Promise<ClusterActionResult> {
    await requireCluster(key);
    const { items } = await store.list({ kind: 'Drain', namespace: key.namespace });
    const drains = items.filter((d) => d.kind === 'Drain' && d.spec.cluster === key.name);
    if (drains.length > 0) {
      await store.commit(
        drains.map((d) => ({
          type: 'delete' as const,
          key: { kind: 'Drain' as const, namespace: d.metadata.namespace, name: d.metadata.name },
        })),
        { ...commitOptions(context_), verb: 'cluster.undrain' },
      );
    }
    const message =
      drains.length === 0 ? `${nameOf(key)} was not draining` : `${nameOf(key)} is answered again`;
    return { cluster: nameOf(key), state: 'active', message, warnings: [] };
  }

  async function remove(key: Key<'Cluster'>, context_: ChangeContext): Promise<ClusterActionResult> {
    const cluster = await requireCluster(key);
    const world = await currentWorld();
    const users = [...world.policies]
      .filter(
        ([, e]) =>
          e.resource.metadata.namespace === key.namespace &&
          e.resource.spec.endpoints.some((x) => x.cluster === key.name),
      )
      .map(([k]) => k);
    if (users.length > 0) {
      throw new PortolanError(
        'IN_USE',
        `TrafficPolicy ${users.join(', ')} still has endpoints on ${nameOf(key)}`,
        {
          fix: 'Remove these endpoints from the policies first; `portolan cluster drain` takes the cluster out of answers meanwhile.',
        },
      );
    }
    if (context_.dryRun)
      return {
        cluster: nameOf(key),
        state: 'removing',
        message: `${nameOf(key)} would be removed and its agent revoked`,
        warnings: [],
      };
    for (const agent of await store.listAgents()) {
      if (agent.clusterUid !== cluster.metadata.uid || agent.revoked) continue;
      await store.updateAgent(agent.agentUid, { revoked: true }, context_.actor);
      options.cutAgent(agent.agentUid);
    }
    await engine.identitiesChanged();
    const { items } = await store.list({ kind: 'Drain', namespace: key.namespace });
    const drains = items
      .filter((d) => d.kind === 'Drain' && d.spec.cluster === key.name)
      .map((d) => ({ kind: 'Drain' as const, namespace: key.namespace, name: d.metadata.name }));
    await store.commit(
      [...drains, key].map((k) => ({ type: 'delete' as const, key: k })),
      { ...commitOptions(context_), verb: 'cluster.remove' },
    );
    return {
      cluster: nameOf(key),
      state: 'removed',
      message: `${nameOf(key)} is removed and its agent's identity revoked`,
      warnings: [],
    };
  }

  return {
    async admit(changes, context_): Promise<Admission> {
      const { outcome } = await judge(changes, context_);
      return outcome.violations.length === 0
        ? { ok: true, warnings: outcome.warnings }
        : { ok: false, violations: outcome.violations };
    },
    resolve: async (question) => {
      const world = await currentWorld();
      return resolve(question, {
        table: engine.table,
        world,
        view: engine.health.view,
        geo: options.geo,
        places: options.places,
        sequence: engine.published?.sequence ?? 0,
      });
    },
    planAnswers,
    async clusterToken(key, { ttlSeconds, actor }) {
      const cluster = await requireCluster(key);
      const { id, secret } = newJoinSecret(options.randomBytes);
      const expiresAt = new Date(wallMs() + ttlSeconds * 1000).toISOString();
      await store.createJoinToken(
        {
          id,
          cluster: key,
          clusterUid: cluster.metadata.uid,
          expiresAt,
          secretSha256: joinSecretSha256(secret),
        },
        actor,
      );
      const token = formatJoinToken({
        clusterUid: cluster.metadata.uid,
        cluster: { namespace: key.namespace, name: key.name },
        urls: options.joinUrls(),
        id,
        secret,
        caSpkiSha256: options.caSpkiSha256,
      });
      return { token, expiresAt, command: `portolan cluster join ${token} --data-dir ./agent-${key.name}` };
    },
    drain,
    undrain,
    remove,
    async drillPlan({ namespace, spec }) {
      const world = await currentWorld();
      const cluster = objectKey(namespace, spec.cluster);
      const guards = world.objects.Cluster.has(cluster)
        ? standingGuards(world, context, spec, cluster, moment())
        : [{ name: 'target', ok: false, detail: `there is no Cluster ${cluster}` }];
      return {
        guards,
        steps: drillSteps(spec.action, cluster, spec.durationSeconds),
        answers: differences(
          world,
          world,
          engine,
          drainedClusters(world, wallMs()),
          new Set([...drainedClusters(world, wallMs()), cluster]),
        ),
      };
    },
    async drillStart(key, context_) {
      await currentWorld();
      return options.drills.start(key, context_.actor);
    },
    drillAbort: (key, context_) => options.drills.abort(key, context_.actor),
    status: () => Promise.resolve(statusOf(options, startedAt)),
    metrics: options.metrics,
    async ready() {
      if (options.stopping()) return { ready: false, reasons: ['stopping'] };
      const store_ = await store.ping().then(
        () => [],
        (thrown: unknown) => [`store: ${PortolanError.from(thrown).message}`],
      );
      const reasons = [...engine.ready.reasons, ...store_];
      return { ready: reasons.length === 0, reasons };
    },
  };
}

function commitOptions(context: ChangeContext) {
  return {
    actor: context.actor,
    dryRun: context.dryRun,
    ...(context.reason === undefined ? {} : { reason: context.reason }),
  };
}

/** Who gets something else, everywhere, when `next` replaces `world`. */
export function answerDiff(
  world: World,
  next: World,
  engine: Pick<Engine, 'health'>,
  wallMs: number,
): AnswerDiff {
  return differences(world, next, engine, drainedClusters(world, wallMs), drainedClusters(next, wallMs));
}

function differences(
  world: World,
  next: World,
  engine: Pick<Engine, 'health'>,
  drainedBefore: ReadonlySet<string>,
  drainedAfter: ReadonlySet<string>,
): AnswerDiff {
  const hostnames = new Set([...world.hostnames.keys(), ...next.hostnames.keys()]);
  const sameDrains =
    drainedBefore.size === drainedAfter.size && [...drainedBefore].every((c) => drainedAfter.has(c));
  const before = withDrains(engine.health.view, drainedBefore);
  const after = withDrains(engine.health.view, drainedAfter);
  const changes: AnswerChange[] = [];
  for (const hostname of [...hostnames].sort()) {
    const was = world.policies.get(world.hostnames.get(hostname) ?? '');
    const will = next.policies.get(next.hostnames.get(hostname) ?? '');
    if (sameDrains && was?.routed === will?.routed) continue;
    const namespace = (will ?? was)?.resource.metadata.namespace ?? '';
    for (const difference of diffAnswers(
      { policy: was?.routed?.compiled, state: before },
      { policy: will?.routed?.compiled, state: after },
    )) {
      changes.push({ hostname, namespace, ...difference });
    }
  }
  return { changes, compared: { hostnames: hostnames.size, places: 250 } };
}

function drillSteps(action: 'drain' | 'fail', cluster: string, seconds: number): readonly string[] {
  const effect =
    action === 'drain'
      ? `take ${cluster} out of the answers as a drain does (a lease of 5 s, renewed by the hub)`
      : `let every vantage point count its probes of ${cluster} as failed (a lease of 5 s, renewed by the hub)`;
  return [
    'ask every name server for a baseline, 1.5 s',
    effect,
    'measure detection, decision, publication and convergence at every name server; count requests at the backends where metrics are given',
    `hold for ${seconds} s; roll back at once on abort, on a guard, or when the hub dies (the lease runs out)`,
    action === 'drain'
      ? 'give the cluster back'
      : 'end the fault and wait until the cluster is admitted again (damped re-admission)',
    'report',
  ];
}

function statusOf(options: ServicesOptions, startedAt: string): HubStatus {
  const { engine, store } = options;
  const sequence = engine.published?.sequence ?? 0;
  const { world, health } = engine;
  return {
    hub: { uid: store.hubUid, version: options.version, epoch: store.epoch, startedAt, sequence },
    nameServers: [
      {
        id: 'hub',
        addresses: options.nameServers(),
        sequence,
        state: 'serving',
        detail: 'answers from the live table',
      },
      ...engine.agents.all
        .filter((a) => a.nameServers.length > 0)
        .map((a) => {
          const applied = a.applied?.sequence ?? 0;
          const state = !a.connected
            ? ('unreachable' as const)
            : applied === sequence
              ? ('serving' as const)
              : ('behind' as const);
          const detail = !a.connected
            ? 'no connection to the hub; it answers by its own quorum from its last snapshot'
            : applied === sequence
              ? 'answers from the live content'
              : `answers from sequence ${applied}${a.refused === undefined ? '' : `: ${a.refused}`}`;
          return {
            id: `agent/${a.identity.agentUid}`,
            cluster: objectKey(a.identity.cluster.namespace, a.identity.cluster.name),
            addresses: a.nameServers,
            sequence: applied,
            state,
            detail,
          };
        }),
    ],
    agents: engine.agents.all.map((a) => {
      const cluster = objectKey(a.identity.cluster.namespace, a.identity.cluster.name);
      return {
        uid: a.identity.agentUid,
        cluster,
        failureDomain: world.objects.Cluster.get(cluster)?.spec.failureDomain ?? a.identity.cluster.name,
        version: a.version,
        connected: a.connected,
        revoked: a.identity.revoked,
        ...(a.lastSeenWallMs === undefined ? {} : { lastSeenAt: new Date(a.lastSeenWallMs).toISOString() }),
        snapshotSequence: a.applied?.sequence ?? 0,
      };
    }),
    targets: [...world.targets.values()].flatMap((target) => {
      const state = health.explain(target.id);
      if (state === undefined) return [];
      return [
        {
          id: target.id,
          cluster: target.cluster,
          address: target.address,
          port: target.port,
          protocol: target.check.protocol,
          state: state.state,
          degraded: state.degraded,
          since: new Date(state.sinceWallMs).toISOString(),
          reason: state.reason,
          votes: state.votes,
          usedBy: world.usedBy.get(target.id) ?? [],
        },
      ];
    }),
  };
}

function parseBudget(text: string | undefined): Readonly<Record<string, readonly Removal[]>> {
  if (text === undefined) return {};
  // Written by this module only; a store that is damaged is found by the store itself.
  return JSON.parse(text) as Readonly<Record<string, readonly Removal[]>>;
}
