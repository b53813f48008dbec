import type { AnyResource, Resource, StatusOf } from '../../src/resources/catalogue.ts';
import type { ClusterStatus } from '../../src/resources/cluster.ts';
import { conditionsOf as stored } from '../../src/resources/conditions-of.ts';
import { type Condition, withCondition } from '../../src/resources/metadata.ts';
import { type CertificatesView, certificateStatuses } from '../certificates/statuses.ts';
import { signedVerdict, signingStatus } from '../dnssec/signing-status.ts';
import type { ZoneSigningView } from '../dnssec/zone-signing.ts';
import type { ClusterGateways } from '../gateways/gateways.ts';
import type { GatewayStatusInput } from '../gateways/status-input.ts';
import { gatewayStatuses } from '../gateways/statuses.ts';
import type { DnsStatus } from '../providers/status.ts';
import type { Change, Key } from '../store/contract.ts';
import type { KnownAgent } from './agent-directory.ts';
import type { HubHealth } from './health.ts';
import { objectKey } from './objects.ts';
import type { Published } from './publisher.ts';
import { targetIdsOf, type World } from './world.ts';
import { isServed, servedOrigins, zoneViolations } from './zones.ts';

/** What agents find in their clusters, for statuses. */
export interface InventoryStatuses {
  /** Of a Cluster; undefined: there is nothing to say. */
  of(cluster: Resource<'Cluster'>, agent: KnownAgent | undefined, world: World): ClusterStatus['kubernetes'];
  /** Some agent has not told yet what it finds: what hangs on it is not known. */
  readonly waiting: boolean;
  /** Tells agents what stands of their objects. */
  tell(input: GatewayStatusInput): void;
}

/** What status is written from. */
export interface StatusInput {
  readonly world: World;
  readonly health: HubHealth;
  readonly published: Published | undefined;
  readonly agentOf: (cluster: string) => KnownAgent | undefined;
  /** How the signing of a Zone (`namespace/name`) stands; `undefined` when it is none. */
  readonly signingOf: (zone: string) => ZoneSigningView | undefined;
  /** What DNS providers add; `undefined`: this hub drives none. */
  readonly dns?: DnsStatus | undefined;
  /** What people call a name server, by its id. */
  readonly serverName: (id: string) => string;
  /** What the gateways of each cluster are compiled to; `undefined`: none are run. */
  readonly gateways?: ReadonlyMap<string, ClusterGateways> | undefined;
  readonly inventories?: InventoryStatuses | undefined;
  /** Certificates; `undefined`: none are got. */
  readonly certificates?: CertificatesView | undefined;
  readonly wallMs: number;
}

type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** `lastSeenAt` of a connected agent is written at most this often: it must not wear the disk. */
const SEEN_GRANULARITY_MS = 60_000;

/** The status writes that are due: only for objects whose status would really differ. Pure. */
export function dueStatuses(input: StatusInput): readonly Change[] {
  const changes: Change[] = [];
  const add = (resource: AnyResource, status: StatusOf<AnyResource['kind']>): void => {
    if (JSON.stringify(resource.status) !== JSON.stringify(status))
      changes.push({ type: 'status', key: keyOf(resource), status });
  };
  for (const cluster of input.world.objects.Cluster.values()) add(cluster, clusterStatus(cluster, input));
  for (const { resource } of input.world.policies.values()) add(resource, policyStatus(resource, input));
  for (const zone of input.world.objects.Zone.values()) add(zone, zoneStatus(zone, input));
  for (const provider of input.world.objects.DNSProvider.values()) {
    const status = providerStatus(provider, input);
    if (status !== undefined) add(provider, status);
  }
  for (const drain of input.world.objects.Drain.values()) add(drain, drainStatus(drain, input));
  // A policy or route of an object that is told in a moment must not be said to lead nowhere meanwhile.
  if (input.inventories?.waiting !== true)
    for (const [object, status] of gatewayStatuses(input)) add(object, status);
  if (input.certificates !== undefined)
    for (const [object, status] of certificateStatuses({
      certificates: input.certificates,
      objects: input.world.objects,
      gateways: input.gateways,
      agentOf: input.agentOf,
      wallMs: input.wallMs,
    }))
      add(object, status);
  for (const check of input.world.objects.HealthCheck.values()) {
    add(check, {
      conditions: conditionsOf(
        check,
        [{ type: 'Accepted', status: 'True', reason: 'Valid', message: 'in use when a policy refers to it' }],
        input.wallMs,
      ),
    });
  }
  return changes;
}

function keyOf(resource: AnyResource): Key {
  return { kind: resource.kind, namespace: resource.metadata.namespace, name: resource.metadata.name };
}

function conditionsOf(
  resource: AnyResource,
  verdicts: readonly Verdict[],
  wallMs: number,
  /** Types that go when there is no verdict on them any more. */
  leaving: readonly string[] = [],
): readonly Condition[] {
  const nowIso = new Date(wallMs).toISOString();
  const known: readonly Condition[] = stored(resource).filter(
    (c) => !leaving.includes(c.type) || verdicts.some((v) => v.type === c.type),
  );
  return verdicts.reduce(
    (conditions, v) =>
      withCondition(conditions, { ...v, observedGeneration: resource.metadata.generation }, nowIso),
    known,
  );
}

function clusterStatus(cluster: Resource<'Cluster'>, input: StatusInput): ClusterStatus {
  const key = objectKey(cluster.metadata.namespace, cluster.metadata.name);
  const agent = input.agentOf(key);
  const conditions = conditionsOf(cluster, clusterVerdicts(cluster.metadata.name, agent), input.wallMs);
  return {
    conditions,
    ...(agent === undefined ? {} : { agent: agentStatus(agent, cluster.status?.agent) }),
    ...kubernetesOf(cluster, agent, input),
    ...drainingOf(cluster, input),
  };
}

function kubernetesOf(
  cluster: Resource<'Cluster'>,
  agent: KnownAgent | undefined,
  { inventories, world }: StatusInput,
): Pick<ClusterStatus, 'kubernetes'> {
  const kubernetes =
    inventories === undefined ? cluster.status?.kubernetes : inventories.of(cluster, agent, world);
  return kubernetes === undefined ? {} : { kubernetes };
}

/** The drains in force taken together: out since the first, until the last ends. */
function drainingOf(cluster: Resource<'Cluster'>, input: StatusInput): Pick<ClusterStatus, 'draining'> {
  const drains = [...input.world.objects.Drain.values()].filter(
    (d) =>
      d.metadata.namespace === cluster.metadata.namespace &&
      d.spec.cluster === cluster.metadata.name &&
      d.metadata.deletionTimestamp === undefined &&
      !isOver(d, input.wallMs),
  );
  const since = drains.map((d) => d.metadata.creationTimestamp).sort()[0];
  if (since === undefined) return {};
  const ends = drains.map((d) => d.spec.expiresAt);
  const until = ends.includes(undefined)
    ? undefined
    : ends.toSorted((a, b) => Date.parse(a ?? '') - Date.parse(b ?? '')).at(-1);
  const reason = drains.map((d) => d.spec.reason).find((r) => r !== '') ?? '';
  return { draining: { since, ...(until === undefined ? {} : { until }), reason } };
}

function isOver(drain: Resource<'Drain'>, wallMs: number): boolean {
  return drain.spec.expiresAt !== undefined && Date.parse(drain.spec.expiresAt) <= wallMs;
}

function clusterVerdicts(name: string, agent: KnownAgent | undefined): readonly Verdict[] {
  if (agent === undefined) {
    const message = `no agent has joined; \`portolan cluster token ${name}\` gives the command`;
    return [
      { type: 'Joined', status: 'False', reason: 'NoAgent', message },
      { type: 'Ready', status: 'False', reason: 'NoAgent', message },
    ];
  }
  const joined: Verdict = {
    type: 'Joined',
    status: 'True',
    reason: 'IdentityIssued',
    message: `agent ${agent.identity.agentUid}`,
  };
  const ready = (status: 'True' | 'False', reason: string, message: string): readonly Verdict[] => [
    joined,
    { type: 'Ready', status, reason, message },
  ];
  if (!agent.connected)
    return ready(
      'False',
      'Disconnected',
      'the agent has no connection to the hub; its silence is not an outage of its endpoints',
    );
  if (agent.refused !== undefined) return ready('False', 'SnapshotRefused', agent.refused);
  if (agent.applied === undefined)
    return ready('False', 'SnapshotPending', 'the agent has not confirmed a snapshot yet');
  if (!agent.voted) return ready('False', 'NoProbe', 'no probe result has arrived yet');
  const skew = Math.abs(agent.clockDifferenceMs ?? 0);
  const note = skew > 30_000 ? `; its clock differs by ${Math.round(skew / 1000)} s, correct it (NTP)` : '';
  return ready('True', 'HeartbeatAndProbe', `heartbeat and probes arrive${note}`);
}

function agentStatus(agent: KnownAgent, before: ClusterStatus['agent']): NonNullable<ClusterStatus['agent']> {
  const seen = agent.lastSeenWallMs === undefined ? undefined : new Date(agent.lastSeenWallMs).toISOString();
  const fresh =
    seen !== undefined &&
    before !== undefined &&
    agent.connected === before.connected &&
    Date.parse(seen) - Date.parse(before.lastSeenAt) < SEEN_GRANULARITY_MS;
  return {
    uid: agent.identity.agentUid,
    version: agent.version === '' ? (before?.version ?? '') : agent.version,
    joinedAt: agent.identity.joinedAt,
    lastSeenAt: fresh ? before.lastSeenAt : (seen ?? before?.lastSeenAt ?? agent.identity.joinedAt),
    connected: agent.connected,
    snapshotSequence: agent.applied?.sequence ?? before?.snapshotSequence ?? 0,
    nameServers: agent.nameServers.length > 0 ? agent.nameServers : (before?.nameServers ?? []),
    ...gatewaysOf(agent, before),
    ...(agent.peerAddress === undefined
      ? before?.peerAddress === undefined
        ? {}
        : { peerAddress: before.peerAddress }
      : { peerAddress: agent.peerAddress }),
  };
}

/** Left out where there is nothing to say: most clusters have no gateway. */
function gatewaysOf(agent: KnownAgent, before: ClusterStatus['agent']) {
  const gateways = agent.gateways ?? before?.gateways ?? [];
  const problems = agent.gateways === undefined ? (before?.gatewayProblems ?? {}) : agent.gatewayProblems;
  return {
    ...(gateways.length === 0 ? {} : { gateways }),
    ...(Object.keys(problems).length === 0 ? {} : { gatewayProblems: problems }),
  };
}

function policyStatus(policy: Resource<'TrafficPolicy'>, input: StatusInput): StatusOf<'TrafficPolicy'> {
  const key = objectKey(policy.metadata.namespace, policy.metadata.name);
  const entry = input.world.policies.get(key);
  const routed = entry?.routed?.policy;
  const first = entry?.violations[0];
  const accepted: Verdict =
    routed === undefined
      ? {
          type: 'Accepted',
          status: 'False',
          reason: 'Invalid',
          message: first === undefined ? 'not compiled yet' : `${first.path}: ${first.message}. ${first.fix}`,
        }
      : { type: 'Accepted', status: 'True', reason: 'Valid', message: 'references resolve' };
  const origins = servedOrigins(input.world);
  const { namespace } = policy.metadata;
  const homeless = policy.spec.hostnames.filter(
    (h) => !isServed(h, origins) && input.dns?.holds(namespace, h) !== true,
  );
  const dns = input.dns?.policy(policy);
  const programmed: Verdict =
    routed === undefined
      ? { type: 'Programmed', status: 'False', reason: 'NotAccepted', message: 'nothing is answered from it' }
      : homeless.length > 0
        ? {
            type: 'Programmed',
            status: 'False',
            reason: 'NoZone',
            message: `no Zone contains ${homeless.join(', ')}`,
          }
        : programmedAt(policy, dns, origins);
  const verdicts: readonly Verdict[] = (dns === 'starting' ? policy.status?.conditions : dns?.verdicts) ?? [];
  const verified = verdicts.filter((v) => v.type === 'Verified');
  const entries = dns === 'starting' ? policy.status?.dns : dns?.entries;
  const endpoints = (routed?.endpoints ?? []).map((endpoint) => {
    const states = targetIdsOf(endpoint).map((id) => input.health.states.get(id));
    const best =
      states.find((s) => s?.state === 'up') ?? states.find((s) => s?.state === 'down') ?? states[0];
    return {
      name: endpoint.name,
      cluster: endpoint.cluster,
      state: best?.state ?? ('unknown' as const),
      detail: stableReason(best?.state, best?.degraded),
    };
  });
  return {
    conditions: conditionsOf(policy, [accepted, programmed, ...verified], input.wallMs, ['Verified']),
    observedGeneration: policy.metadata.generation,
    endpoints,
    ...(entries === undefined ? {} : { dns: entries }),
  };
}

/** Where the hostnames of a policy that resolves are answered: by the embedded name servers, at DNS providers, or both. */
function programmedAt(
  policy: Resource<'TrafficPolicy'>,
  dns: ReturnType<DnsStatus['policy']>,
  origins: ReadonlySet<string>,
): Verdict {
  const embedded: Verdict = {
    type: 'Programmed',
    status: 'True',
    reason: 'Published',
    message: `answered by the embedded name servers`,
  };
  if (dns === undefined) return embedded;
  if (dns === 'starting') {
    const before = policy.status?.conditions.find((c) => c.type === 'Programmed');
    return (
      before ?? { type: 'Programmed', status: 'Unknown', reason: 'Starting', message: 'the hub is starting' }
    );
  }
  const atProviders = dns.verdicts.find((v) => v.type === 'Programmed') ?? embedded;
  const both = atProviders.status === 'True' && policy.spec.hostnames.some((h) => isServed(h, origins));
  return both ? { ...atProviders, message: `${embedded.message}, and ${atProviders.message}` } : atProviders;
}

function providerStatus(
  provider: Resource<'DNSProvider'>,
  input: StatusInput,
): StatusOf<'DNSProvider'> | undefined {
  const found = input.dns?.provider(provider);
  return found === undefined
    ? undefined
    : {
        conditions: conditionsOf(provider, [found.verdict], input.wallMs),
        observedGeneration: provider.metadata.generation,
        zones: found.zones,
      };
}

/** Status must not change with every vote; the full explanation is `portolan describe`, which asks for it. */
function stableReason(state: 'up' | 'down' | 'unknown' | undefined, degraded: boolean | undefined): string {
  const text = state === 'up' ? 'healthy' : state === 'down' ? 'withdrawn by quorum' : 'not seen yet';
  return degraded === true ? `${text}; fewer than two failure domains see it` : text;
}

function zoneStatus(zone: Resource<'Zone'>, input: StatusInput): StatusOf<'Zone'> {
  const [first] = zoneViolations(zone.spec, input.world);
  const verdicts: readonly Verdict[] =
    first === undefined
      ? [
          { type: 'Accepted', status: 'True', reason: 'Valid', message: 'every record parses' },
          {
            type: 'Programmed',
            status: 'True',
            reason: 'Published',
            message: 'served by the embedded name servers',
          },
        ]
      : [
          {
            type: 'Accepted',
            status: 'False',
            reason: 'Invalid',
            message: `${first.path}: ${first.message}. ${first.fix}`,
          },
          { type: 'Programmed', status: 'False', reason: 'NotAccepted', message: 'the zone is not served' },
        ];
  const signing = input.signingOf(objectKey(zone.metadata.namespace, zone.metadata.name));
  const signed = signing === undefined ? [] : [signedVerdict(signing, zone.metadata.name)];
  return {
    conditions: conditionsOf(zone, [...verdicts, ...signed], input.wallMs),
    ...(signing === undefined ? {} : { dnssec: signingStatus(signing, input.serverName) }),
    ...(input.published === undefined ? {} : { serial: input.published.sequence }),
  };
}

function drainStatus(drain: Resource<'Drain'>, input: StatusInput): StatusOf<'Drain'> {
  const verdict: Verdict = isOver(drain, input.wallMs)
    ? {
        type: 'Active',
        status: 'False',
        reason: 'Expired',
        message: `ended at ${drain.spec.expiresAt ?? ''}`,
      }
    : {
        type: 'Active',
        status: 'True',
        reason: 'Draining',
        message: `${drain.spec.cluster} is out of answers`,
      };
  return { conditions: conditionsOf(drain, [verdict], input.wallMs) };
}
