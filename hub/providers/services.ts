import { ProviderError, type ProviderZone } from '../../providers/contract.ts';
import { type DomainName, isAtOrBelow } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { CompileReport } from '../../src/plan/compile-report.ts';
import { belongsTo, pooledName } from '../../src/plan/ownership.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { digestOfName, takeInventory, type ZoneInventory } from '../../src/plan/zone-inventory.ts';
import type { ZonePlan } from '../../src/plan/zone-plan.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type {
  AdoptPreview,
  DnsServices,
  ProviderZoneContent,
  ProviderZoneState,
  RecordPlan,
} from '../api/dns-services.ts';
import type { ChangeContext, ProposedChange } from '../api/services.ts';
import { type ObjectKey, objectKey } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import type { Key, Store } from '../store/contract.ts';
import type { ZoneVerification } from '../verify/verifier.ts';
import { capabilityLines } from './capability-lines.ts';
import { type Finding, findingsOf } from './check-findings.ts';
import { describedLines } from './described-lines.ts';
import type { DeskZone, ProviderDesk } from './desk.ts';
import { asPortolanError } from './failures.ts';
import type { ZoneMemory } from './generations.ts';
import { changeLines, removalLines, textOf } from './plan-lines.ts';
import { planRecords } from './record-plan.ts';
import { reportedOf } from './reported-name.ts';
import { standingAt } from './standing-records.ts';
import { heldZones } from './zone-keys.ts';

export interface DnsServicesOptions {
  readonly desk: ProviderDesk;
  readonly store: Pick<Store, 'recordAudit'>;
  /** The world once everything that is committed by now is in it. */
  readonly currentWorld: () => Promise<World>;
  /** The world as changes would make it. */
  readonly worldAfter: (changes: readonly ProposedChange[]) => Promise<World>;
  readonly verification: (zone: DeskZone) => ZoneVerification | undefined;
}

/** What people ask of DNS providers and do to their zones. */
export function createDnsServices(options: DnsServicesOptions): DnsServices {
  const { desk } = options;

  const keyOf = (key: Key): ObjectKey => objectKey(key.namespace, key.name);

  /** @throws PortolanError NOT_FOUND */
  async function existing(key: Key<'DNSProvider'>) {
    const world = await options.currentWorld();
    const resource = world.objects.DNSProvider.get(keyOf(key));
    if (resource === undefined)
      throw new PortolanError('NOT_FOUND', `there is no DNSProvider ${keyOf(key)}`, {
        fix: `List them: \`portolan get dnsproviders -n ${key.namespace}\`.`,
      });
    return { world, resource };
  }

  /** @throws PortolanError NOT_FOUND, NOT_READY */
  async function zonesAt(key: Key<'DNSProvider'>, origin: DomainName): Promise<readonly DeskZone[]> {
    await existing(key);
    const zones = desk.zonesOf(keyOf(key)).filter((zone) => zone.held.wanted.origin === origin);
    if (zones.length > 0) {
      await Promise.all(zones.map((zone) => zone.worker.loaded()));
      return zones;
    }
    if (!desk.started) throw new PortolanError('NOT_READY', 'the hub is starting');
    throw new PortolanError('NOT_FOUND', `DNSProvider ${keyOf(key)} has no zone ${origin}`, {
      fix: 'Use an origin of its `spec.zones`.',
    });
  }

  /**
   * @param then the plan that follows something that a person does, where it is due or only shown
   * @throws PortolanError PROVIDER_FROZEN when what a rollback holds is not kept
   */
  async function stateOf(zone: DeskZone, then?: FollowingPlan): Promise<ProviderZoneState> {
    const { worker } = zone;
    const { state } = worker;
    const memory = then?.memory ?? state.memory;
    const plan = then === undefined ? state.plan : then.plan;
    const removals =
      plan?.waitsForApproval === undefined
        ? undefined
        : await worker.planAfter(() => ({ ...memory, approved: [...memory.approved, plan.hash] }));
    const resumed =
      memory.heldAtGeneration === undefined ? undefined : await worker.planAfter(() => resuming(memory));
    const seen = options.verification(zone);
    const { enabled } = zone.held.resource.spec.verify;
    return {
      origin: zone.held.wanted.origin,
      id: state.id,
      generation: memory.generation,
      ...(memory.appliedAt === undefined ? {} : { appliedAt: memory.appliedAt }),
      ...(state.error === undefined
        ? {}
        : { error: `${state.error.code}: ${state.error.message}`, errorFix: state.error.fix }),
      plan: {
        hash: plan?.hash ?? '',
        changes:
          plan === undefined
            ? []
            : describedLines(plan, memory.heldAtGeneration === undefined ? zone.names : [], zone.kind),
        held: then === undefined ? state.held : (plan?.held ?? []),
        ...(plan?.waitsForApproval === undefined
          ? {}
          : {
              waitsForApproval: {
                ...waiting(plan.waitsForApproval),
                removals: removals === undefined ? [] : removalLines(plan, removals),
              },
            }),
      },
      ...(resumed === undefined
        ? {}
        : { afterResume: { changes: changeLines(resumed), held: resumed.held } }),
      frozen: zone.held.resource.spec.frozen,
      ...(memory.heldAtGeneration === undefined ? {} : { heldAtGeneration: memory.heldAtGeneration }),
      history: memory.history,
      verified: enabled ? (seen?.verified ?? 'pending') : 'off',
      disagreements: seen?.disagreements ?? [],
    };
  }

  /** What follows when what is remembered is changed so. @throws PortolanError NOT_READY, PROVIDER_FROZEN */
  async function following(
    zone: DeskZone,
    change: (memory: ZoneMemory) => ZoneMemory,
  ): Promise<FollowingPlan> {
    const plan = await zone.worker.planAfter(change);
    if (plan !== undefined) return { plan, memory: change(zone.worker.state.memory) };
    throw new PortolanError(
      'NOT_READY',
      `the zone ${zone.held.wanted.origin} at ${zone.held.provider} was not read yet`,
    );
  }

  async function recorded(
    provider: Key<'DNSProvider'>,
    verb: string,
    payload: object,
    context: ChangeContext,
  ): Promise<void> {
    await options.store.recordAudit({
      actor: context.actor,
      verb,
      ...provider,
      ...(context.reason === undefined ? {} : { reason: context.reason }),
      payload,
    });
  }

  /** The zone as it is now, read for this question alone. */
  async function readZone(zone: DeskZone) {
    try {
      const connection = await desk.connection(zone.held.provider);
      const provider = await connection.provider();
      const at = await connection.locate(zone.held.wanted);
      const content = await connection.operate('read', zone.held.key, (limit) => provider.read(at, limit));
      return { at, content };
    } catch (thrown) {
      throw asPortolanError(thrown);
    }
  }

  /** What becomes of a Zone at the provider that it is delegated from. */
  function delegationReports(world: World, zone: Resource<'Zone'>): readonly CompileReport[] {
    const { namespace, name } = zone.metadata;
    const { delegation } = zone.spec;
    if (delegation === undefined) return [];
    const provider = objectKey(namespace, delegation.provider);
    return heldZones(world)
      .filter((held) => held.provider === provider && isAtOrBelow(zone.spec.origin, held.wanted.origin))
      .flatMap((held) => desk.preview(world, held).names)
      .filter(({ desired }) => desired.resource === `zone/${objectKey(namespace, name)}`)
      .map(({ report }) => report);
  }

  function ownerOf(inventory: ZoneInventory, set: RecordSet): string | undefined {
    const { origin } = inventory;
    const name = pooledName(origin, set.name) ?? set.name;
    const markers = (inventory.markers.get(name)?.markers ?? []).filter(({ types, below }) =>
      belongsTo(origin, set, { name, types, below }),
    );
    if (markers.some(({ owner }) => owner === desk.owner)) return 'this';
    const [other] = markers;
    if (other !== undefined) return other.owner;
    const heritage = inventory.heritage.get(set.name)?.[0];
    return heritage === undefined ? undefined : `external-dns:${heritage.owner}`;
  }

  return {
    async check(key) {
      const { resource } = await existing(key);
      const capabilities = capabilityLines(desk.kindOf(resource.spec).capabilities, resource.spec);
      try {
        const connection = await desk.connection(keyOf(key));
        const provider = await connection.provider();
        const located: Finding[] = [];
        const zones: ProviderZone[] = [];
        // What the account may do now, not when its list of zones was kept.
        connection.forgetZones();
        for (const wanted of resource.spec.zones) {
          try {
            zones.push(await connection.locate(wanted));
            located.push({ subject: `zone ${wanted.origin}`, ok: true, message: 'it is there' });
          } catch (thrown) {
            const { message, fix } = asPortolanError(thrown);
            located.push({ subject: `zone ${wanted.origin}`, ok: false, message, fix });
            if (thrown instanceof ProviderError && thrown.failure !== 'gone') break;
          }
        }
        const found = await connection.operate('check', keyOf(key), (signal) =>
          provider.check(zones, signal),
        );
        const findings = findingsOf(located, found, resource.spec);
        const ok = findings.every(({ ok }) => ok);
        // What was refused or failed may do well now: nobody has to wait for the end of a pause.
        if (ok)
          for (const { worker } of desk.zonesOf(keyOf(key)))
            if (worker.state.error !== undefined || worker.state.held.length > 0) worker.retry();
        return { ok, findings, capabilities };
      } catch (thrown) {
        const { message, fix } = asPortolanError(thrown);
        const failed = { subject: 'connection', ok: false, message, fix };
        return { ok: false, findings: findingsOf([failed], [], resource.spec), capabilities };
      }
    },

    async zones(key) {
      const { resource } = await existing(key);
      try {
        const connection = await desk.connection(keyOf(key));
        const found = await connection.zones({ fresh: true });
        return found.map((zone) => ({
          origin: zone.origin,
          id: zone.id,
          private: zone.private,
          nameServers: zone.nameServers,
          configured: resource.spec.zones.some(
            (wanted) =>
              wanted.origin === zone.origin &&
              wanted.private === zone.private &&
              (wanted.id === undefined || wanted.id === zone.id),
          ),
        }));
      } catch (thrown) {
        throw asPortolanError(thrown);
      }
    },

    async content(key, origin): Promise<ProviderZoneContent> {
      const [zone] = await zonesAt(key, origin);
      if (zone === undefined) throw new PortolanError('NOT_FOUND', `there is no zone ${origin}`);
      const { content } = await readZone(zone);
      const inventory = takeInventory(origin, content.sets);
      const records = content.sets.map((set) => {
        const owner = ownerOf(inventory, set);
        return {
          name: set.name,
          type: set.type,
          setId: set.setId,
          ...(set.ttlSeconds === undefined ? {} : { ttlSeconds: set.ttlSeconds }),
          values: set.values,
          ...(set.native === undefined ? {} : { native: JSON.stringify(set.native) }),
          ...(owner === undefined ? {} : { owner }),
        };
      });
      return { origin, records };
    },

    async zoneStates(key) {
      await existing(key);
      const zones = desk.zonesOf(keyOf(key));
      await Promise.all(zones.map((zone) => zone.worker.loaded()));
      return Promise.all(zones.map((zone) => stateOf(zone)));
    },

    async reports(key) {
      const world = await options.currentWorld();
      const policy = world.objects.TrafficPolicy.get(keyOf(key));
      if (policy === undefined)
        throw new PortolanError('NOT_FOUND', `there is no TrafficPolicy ${keyOf(key)}`);
      const reports = [];
      for (const hostname of policy.spec.hostnames) {
        const zones = desk.zonesFor(key.namespace, hostname);
        // What is below a delegated Zone is answered there; resolvers find it by the delegation.
        const above = zones.length === 0 ? embeddedAbove(world, key.namespace, hostname) : undefined;
        if (above !== undefined)
          reports.push(...delegationReports(world, above).map((report) => ({ ...report, hostname })));
        for (const held of zones) {
          const names = desk.preview(world, held).names;
          const reported = reportedOf(names, keyOf(key), hostname);
          if (reported !== undefined) reports.push(reported.report);
        }
      }
      return reports;
    },

    async zoneReports(key) {
      const world = await options.currentWorld();
      const zone = world.objects.Zone.get(keyOf(key));
      if (zone !== undefined) return delegationReports(world, zone);
      throw new PortolanError('NOT_FOUND', `there is no Zone ${keyOf(key)}`);
    },

    async planRecords(changes): Promise<RecordPlan> {
      const before = await options.currentWorld();
      if (before.objects.DNSProvider.size === 0 && !changes.some((c) => c.key.kind === 'DNSProvider'))
        return { reports: [], zones: [] };
      const after = await options.worldAfter(changes);
      const changed = new Set(changes.map(({ key }) => `${key.kind.toLowerCase()}/${keyOf(key)}`));
      return planRecords(desk, { before, after, changed });
    },

    async approve(key, origin, hash, context) {
      const zones = await zonesAt(key, origin);
      const zone = zones.find(({ worker }) => {
        const { plan } = worker.state;
        return plan?.waitsForApproval !== undefined && plan.hash === hash;
      });
      if (zone === undefined)
        throw new PortolanError('NOT_FOUND', `no plan ${hash} of ${origin} waits for approval`, {
          fix: `See what waits: \`portolan provider plan ${key.name} -n ${key.namespace}\`.`,
        });
      const approving = (memory: ZoneMemory): ZoneMemory => ({
        ...memory,
        approved: [...memory.approved.filter((known) => known !== hash), hash],
      });
      const then = await following(zone, approving);
      if (context.dryRun) return stateOf(zone, then);
      await recorded(key, 'provider.approve', { origin, hash }, context);
      await zone.worker.remember(approving);
      zone.worker.retry();
      return stateOf(zone, then);
    },

    async rollback(key, origin, generation, context) {
      const zones = await zonesAt(key, origin);
      const zone = zones.find(({ worker }) =>
        worker.state.memory.history.some((entry) => entry.generation === generation),
      );
      if (zone === undefined)
        throw new PortolanError('NOT_FOUND', `generation ${generation} of ${origin} is not kept`, {
          fix: `Use one that \`portolan provider history ${key.name} --zone ${origin}\` lists.`,
        });
      const back = (memory: ZoneMemory): ZoneMemory => ({ ...memory, heldAtGeneration: generation });
      if (context.dryRun) return stateOf(zone, await following(zone, back));
      await recorded(key, 'provider.rollback', { origin, generation }, context);
      // A provider that is away must not keep people from going back: the changes are shown where they are known.
      const plan = await zone.worker.planAfter(back);
      await zone.worker.remember(back);
      zone.worker.retry();
      return stateOf(zone, { plan, memory: zone.worker.state.memory });
    },

    async resume(key, origin, context) {
      const zones = await zonesAt(key, origin);
      const zone = zones.find(({ worker }) => worker.state.memory.heldAtGeneration !== undefined) ?? zones[0];
      if (zone === undefined) throw new PortolanError('NOT_FOUND', `there is no zone ${origin}`);
      if (zone.worker.state.memory.heldAtGeneration === undefined) return stateOf(zone);
      if (context.dryRun) return stateOf(zone, await following(zone, resuming));
      await recorded(key, 'provider.resume', { origin }, context);
      const plan = await zone.worker.planAfter(resuming);
      await zone.worker.remember(resuming);
      zone.worker.retry();
      return stateOf(zone, { plan, memory: zone.worker.state.memory });
    },

    async adopt({ namespace, hostname, provider, digests }, context) {
      const world = await options.currentWorld();
      const wanting = [...desk.zones.values()]
        .filter(({ held }) =>
          provider === undefined
            ? held.provider.startsWith(`${namespace}/`)
            : held.provider === objectKey(namespace, provider),
        )
        .flatMap((zone) => {
          // A hostname of a policy, or the origin of a Zone that is delegated there.
          const { names } = desk.preview(world, zone.held);
          const reported = names.find(({ desired }) => desired.name === hostname);
          return reported === undefined ? [] : [{ zone, reported }];
        });
      if (wanting.length === 0)
        throw new PortolanError(
          'NOT_FOUND',
          world.hostnames.has(hostname)
            ? `no zone of a DNSProvider in namespace ${namespace} holds ${hostname}`
            : `no TrafficPolicy has the hostname ${hostname}, and no Zone of this origin is delegated`,
          { fix: 'Apply a TrafficPolicy with the hostname first: what it wants is what will stand there.' },
        );
      const previews: AdoptPreview[] = [];
      const taken: { readonly zone: DeskZone; readonly digest: string }[] = [];
      for (const { zone, reported } of wanting) {
        const { content } = await readZone(zone);
        const { origin } = zone.held.wanted;
        const inventory = takeInventory(origin, content.sets);
        const digest = digestOfName(inventory, origin, hostname);
        const [, providerName = ''] = zone.held.provider.split('/');
        const said = digests?.[`${providerName}/${origin}`];
        if (!context.dryRun && said !== undefined && said !== digest)
          throw new PortolanError(
            'CONFLICT',
            `${hostname} at ${zone.held.provider} is not what it was when it was looked at`,
            { fix: `Look again: \`portolan adopt ${hostname} -n ${namespace}\`.` },
          );
        const adopts = !context.dryRun && said === digest;
        const standing = standingAt(inventory, hostname, reported.desired.types, desk.owner);
        previews.push({
          provider: zone.held.provider,
          zone: origin,
          hostname,
          digest,
          before: standing.lines,
          after: (reported.desired.sets ?? []).map((set) => `${set.name} ${set.type} ${textOf(set)}`),
          ...(standing.madeBy === undefined ? {} : { owner: standing.madeBy }),
          ours: standing.ours,
          adopted: adopts,
        });
        if (adopts) taken.push({ zone, digest });
      }
      for (const { zone, digest } of taken) {
        const [, name = ''] = zone.held.provider.split('/');
        const { origin } = zone.held.wanted;
        const key: Key<'DNSProvider'> = { kind: 'DNSProvider', namespace, name };
        await recorded(key, 'provider.adopt', { origin, hostname, digest }, context);
        await zone.worker.loaded();
        await zone.worker.remember((memory) => ({
          ...memory,
          adopted: new Map(memory.adopted).set(hostname, digest),
        }));
        zone.worker.reread();
        zone.worker.retry();
      }
      return previews;
    },
  };
}

/** A plan that is not that of the zone's state. */
interface FollowingPlan {
  readonly plan: ZonePlan | undefined;
  readonly memory: ZoneMemory;
}

/** The embedded Zone that answers a hostname, if it is one of this namespace. */
function embeddedAbove(world: World, namespace: string, hostname: DomainName): Resource<'Zone'> | undefined {
  const [closest] = [...world.objects.Zone.values()]
    .filter(
      ({ metadata, spec }) => metadata.deletionTimestamp === undefined && isAtOrBelow(hostname, spec.origin),
    )
    .sort((a, b) => b.spec.origin.length - a.spec.origin.length);
  return closest?.metadata.namespace === namespace ? closest : undefined;
}

const resuming = ({ heldAtGeneration: _held, ...memory }: ZoneMemory): ZoneMemory => memory;

function waiting({
  code,
  message,
  fix,
}: {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}) {
  return { code, message, fix };
}
