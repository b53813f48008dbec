import { PortolanError } from '../../src/errors/error.ts';
import type { DrillSpec } from '../../src/resources/drill.ts';
import type { GeoLookup } from '../../src/routing/model.ts';
import type { HubServices, ProposedChange } from '../api/services.ts';
import type { ZoneSigning } from '../dnssec/zone-signing.ts';
import { standingGuards } from '../drills/guards.ts';
import type { DrillRunner } from '../drills/runner.ts';
import type { HubMember, StandbyNameServer } from '../election/leading.ts';
import type { GeoLibrary } from '../geo/library.ts';
import type { DnsServicesOptions } from '../providers/services.ts';
import type { Store } from '../store/contract.ts';
import { answerDiff, answersWithout } from './answer-diff.ts';
import { createClusterActions } from './cluster-actions.ts';
import type { Engine } from './engine.ts';
import { hubStatus } from './hub-status.ts';
import { createJudge } from './judge.ts';
import { type Objects, objectKey } from './objects.ts';
import type { PlaceFinder } from './places.ts';
import { resolve } from './resolve.ts';
import type { WorldContext } from './world.ts';

export interface ServicesOptions {
  readonly store: Store;
  readonly engine: Engine;
  readonly drills: Pick<DrillRunner, 'start' | 'abort'>;
  readonly zoneSigning: Pick<ZoneSigning, 'roll' | 'confirmDs' | 'leaveBehind'>;
  readonly context: WorldContext;
  readonly geo: GeoLookup;
  readonly geoUpdates: Pick<GeoLibrary, 'status' | 'stage' | 'activate' | 'rollback'>;
  readonly places: PlaceFinder;
  readonly version: string;
  /** Join listeners as agents reach them, `https://host:port`. */
  readonly joinUrls: () => readonly string[];
  readonly caSpkiSha256: readonly string[];
  /** Where the hub's own name server answers, `host:port`. */
  readonly nameServers: () => readonly string[];
  /** It answers from its table, and not with SERVFAIL because it has just restarted. */
  readonly answersDns: () => boolean;
  /** Cuts the agent's stream after its identity was revoked. */
  readonly cutAgent: (agentUid: string) => void;
  readonly metrics: () => Promise<string>;
  /** Where several hubs share the store: all of them, and the name servers of those that stand by. */
  readonly hubs?: () => readonly HubMember[];
  readonly standbyNameServers?: () => readonly StandbyNameServer[];
  /** The part that drives DNS providers, given the worlds it plans with. */
  readonly dns: (worlds: Pick<DnsServicesOptions, 'currentWorld' | 'worldAfter'>) => HubServices['dns'];
  readonly gateways: HubServices['gateways'];
  readonly keys: HubServices['keys'];
  readonly inventories: HubServices['inventories'];
  readonly quota: HubServices['quota'];
  readonly certificates: HubServices['certificates'];
  readonly sources: HubServices['sources'];
  /** What a change means for limits of CAs. */
  readonly certificateWarnings?: (changes: readonly ProposedChange[], objects: Objects) => readonly string[];
  readonly stopping: () => boolean;
  readonly wallMs: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
}

/** What the API needs of the world, from the engine, the store and the drills. */
export async function createServices(options: ServicesOptions): Promise<HubServices> {
  const { store, engine, context, wallMs } = options;
  const { geo, geoUpdates } = options;
  const startedAt = new Date(wallMs()).toISOString();
  const judge = await createJudge({ store, engine, context, wallMs });

  const dns = options.dns({
    currentWorld: judge.currentWorld,
    worldAfter: async (changes) => (await judge.judge(changes, { force: true, dryRun: true })).outcome.next,
  });

  return {
    dns,
    gateways: options.gateways,
    keys: options.keys,
    inventories: options.inventories,
    quota: options.quota,
    certificates: options.certificates,
    sources: options.sources,
    ...createClusterActions({ ...options, judge }),
    async admit(changes, { force, dryRun }) {
      const { outcome } = await judge.judge(changes, { force, dryRun });
      return outcome.violations.length === 0
        ? {
            ok: true,
            warnings: [
              ...outcome.warnings,
              ...(options.certificateWarnings?.(changes, outcome.next.objects) ?? []),
            ],
          }
        : { ok: false, violations: outcome.violations };
    },
    async resolve(question) {
      // Also while nothing can be published: the question is what DNS answers now.
      await judge.currentWorld().catch(() => undefined);
      return resolve(question, {
        table: engine.table,
        world: engine.world,
        view: engine.health.view,
        geo,
        places: options.places,
        sequence: engine.published?.sequence ?? 0,
      });
    },
    async planAnswers(changes) {
      const { world, outcome } = await judge.judge(changes, { force: true, dryRun: true });
      return answerDiff(world, outcome.next, engine.health, wallMs(), (client) => geo.locate(client));
    },
    async drillPlan({ namespace, spec }) {
      const world = await judge.currentWorld();
      const cluster = objectKey(namespace, spec.cluster);
      const guards = world.objects.Cluster.has(cluster)
        ? standingGuards(world, context, spec, cluster, judge.moment())
        : [{ name: 'target', ok: false, detail: `there is no Cluster ${cluster}` }];
      return {
        guards,
        steps: drillSteps(spec, cluster),
        answers: await answersWithout(world, cluster, engine.health, wallMs(), (client) =>
          geo.locate(client),
        ),
      };
    },
    async drillStart(key, { actor }) {
      await judge.currentWorld();
      return options.drills.start(key, actor);
    },
    rollZoneKey: async (key, role, change) => ({
      zone: objectKey(key.namespace, key.name),
      message: await options.zoneSigning.roll(key, role, change),
    }),
    confirmZoneDs: async (key, change) => ({
      zone: objectKey(key.namespace, key.name),
      message: await options.zoneSigning.confirmDs(key, change),
    }),
    continueZoneRoll: async (key, change) => ({
      zone: objectKey(key.namespace, key.name),
      message: await options.zoneSigning.leaveBehind(key, change),
    }),
    drillAbort: (key, { actor }) => options.drills.abort(key, actor),
    status: () => Promise.resolve(hubStatus(options, startedAt)),
    metrics: options.metrics,
    geoStatus: geoUpdates.status,
    geoStage: geoUpdates.stage,
    geoActivate: geoUpdates.activate,
    geoRollback: geoUpdates.rollback,
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

function drillSteps({ action, durationSeconds }: DrillSpec, cluster: string): readonly string[] {
  const effect =
    action === 'drain'
      ? `take ${cluster} out of the answers as a drain does (a lease of 5 s, renewed by the hub)`
      : `let every vantage point count its probes of ${cluster} as failed (a lease of 5 s, renewed by the hub)`;
  return [
    'ask every name server for a baseline, 1.5 s',
    effect,
    'measure detection, decision, publication and convergence at every name server; count requests at the backends where metrics are given',
    `hold for ${durationSeconds} s; roll back at once on abort, on a guard, or when the hub dies (the lease runs out)`,
    action === 'drain'
      ? 'give the cluster back'
      : 'end the fault and wait until the cluster is admitted again (damped re-admission)',
    'report',
  ];
}
