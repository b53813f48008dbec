import type { AnyResource, Kind, Resource, StatusOf } from '../../src/resources/catalogue.ts';
import type { GatewayStatus, ListenerStatus } from '../../src/resources/gateway.ts';
import { GATEWAY_CONTROLLER } from '../../src/resources/gateway.ts';
import { type Condition, withCondition } from '../../src/resources/metadata.ts';
import {
  GATEWAY_API_GROUP,
  type ParentReference,
  type PolicyAncestorStatus,
  type RouteStatus,
} from '../../src/resources/route-fields.ts';
import type { KnownAgent } from '../reconcile/agent-directory.ts';
import { type ObjectKey, objectKey } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import type { ClusterGateways } from './gateways.ts';
import { secretsNamedIn } from './policy-secrets.ts';
import { type ReportIndex, reportIndex } from './report-index.ts';
import { across, type Verdict, verdictsOf } from './verdicts-across.ts';

/** What the statuses of gateway objects are written from. */
export interface GatewayStatusInput {
  readonly world: Pick<World, 'objects'>;
  readonly gateways?: ReadonlyMap<ObjectKey, ClusterGateways> | undefined;
  readonly agentOf: (cluster: ObjectKey) => KnownAgent | undefined;
  readonly wallMs: number;
}

type Statuses = readonly (readonly [AnyResource, StatusOf<Kind>])[];

/**
 * Status of every Gateway, route, policy and Backend as the Gateway API shapes them. What several clusters say of one object is one
 * condition: the worst, with the cluster's name where they differ. Nothing while this hub runs no gateways.
 */
export function gatewayStatuses(input: GatewayStatusInput): Statuses {
  const { world, gateways } = input;
  if (gateways === undefined) return [];
  const { objects } = world;
  return [
    ...[...objects.Gateway.values()].map((g) => [g, gatewayStatus(g, gateways, input)] as const),
    ...[...objects.HTTPRoute.values()].map((r) => [r, routeStatus(r, gateways, input)] as const),
    ...[...objects.GRPCRoute.values()].map((r) => [r, routeStatus(r, gateways, input)] as const),
    ...(['AuthPolicy', 'GatewayPolicy'] as const).flatMap((kind) =>
      [...objects[kind].values()].map((p) => [p, policyStatus(p, gateways, input)] as const),
    ),
    ...[...objects.BackendTLSPolicy.values()].map(
      (p) => [p, { ancestors: ancestorsOf(p, gateways, input) }] as const,
    ),
    ...(['CallerRouting', 'Backend'] as const).flatMap((kind) =>
      [...objects[kind].values()].map((o) => [o, plainStatus(o, gateways, input)] as const),
    ),
  ];
}

function conditions(
  object: AnyResource,
  before: readonly Condition[] | undefined,
  verdicts: readonly Verdict[],
  wallMs: number,
): readonly Condition[] {
  const nowIso = new Date(wallMs).toISOString();
  const kept = (before ?? []).filter((c) => verdicts.some((v) => v.type === c.type));
  return verdicts.reduce<readonly Condition[]>(
    (all, v) => withCondition(all, { ...v, observedGeneration: object.metadata.generation }, nowIso),
    kept,
  );
}

const keyOf = ({ metadata }: AnyResource): ObjectKey => objectKey(metadata.namespace, metadata.name);

/** What the report of each cluster says, by the cluster's name. */
function reported<T>(
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  find: (reports: ReportIndex, own: ClusterGateways) => T | undefined,
): ReadonlyMap<ObjectKey, T> {
  const found = new Map<ObjectKey, T>();
  for (const [cluster, own] of gateways) {
    const report = find(reportIndex(own.reports), own);
    if (report !== undefined) found.set(cluster, report);
  }
  return found;
}

function gatewayStatus(
  gateway: Resource<'Gateway'>,
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  input: GatewayStatusInput,
): GatewayStatus {
  const key = keyOf(gateway);
  const reports = reported(gateways, ({ gateways: all }, { problems }) => {
    const report = all.get(key);
    return report === undefined ? undefined : { report, problems };
  });
  const clusters = [...reports.keys()].map((cluster) => ({
    name: cluster.split('/')[1] ?? cluster,
    ...programmedAt(gateways.get(cluster)?.digest, input.agentOf(cluster)),
  }));
  const verdicts = across(
    new Map([...reports].map(([cluster, { report }]) => [cluster, verdictsOf(report.findings)])),
  );
  const accepted: readonly Verdict[] =
    reports.size > 0
      ? verdicts
      : [
          {
            type: 'Accepted',
            status: 'True',
            reason: 'Accepted',
            message: 'no Cluster of its namespace (and annotation) runs it yet',
          },
        ];
  const programmed = programmedVerdict(clusters, accepted);
  return {
    conditions: conditions(gateway, gateway.status?.conditions, [...accepted, programmed], input.wallMs),
    addresses: addressesOf(gateway, [...reports.keys()], input),
    listeners: gateway.spec.listeners.map((listener): ListenerStatus => {
      const own = new Map(
        [...reports].flatMap(([cluster, { report, problems }]) => {
          const found = report.listeners.find((l) => l.name === listener.name);
          return found === undefined ? [] : [[cluster, { found, problems }] as const];
        }),
      );
      const first = [...own.values()][0]?.found;
      const said = across(
        new Map(
          [...own].map(([cluster, { found, problems }]) => [
            cluster,
            withCertificates(verdictsOf(found.findings), gateway, listener, problems),
          ]),
        ),
      );
      const before = gateway.status?.listeners.find((l) => l.name === listener.name)?.conditions;
      return {
        name: listener.name,
        supportedKinds: first?.supportedKinds ?? [],
        attachedRoutes: Math.max(0, ...[...own.values()].map(({ found }) => found.attachedRoutes)),
        conditions: conditions(
          gateway,
          before,
          said.length === 0 ? [] : [...said, programmedVerdict(clusters, said)],
          input.wallMs,
        ),
      };
    }),
    clusters,
  };
}

/** The compiler knows names only: whether a Secret holds what its listener needs is known here. */
function withCertificates(
  verdicts: readonly Verdict[],
  gateway: Resource<'Gateway'>,
  listener: Resource<'Gateway'>['spec']['listeners'][number],
  problems: ReadonlyMap<string, string>,
): readonly Verdict[] {
  const bad = (listener.tls?.certificateRefs ?? []).flatMap(({ namespace, name }) => {
    const problem = problems.get(objectKey(namespace ?? gateway.metadata.namespace, name));
    return problem === undefined ? [] : [problem];
  });
  const [first] = bad;
  const resolved = verdicts.find((v) => v.type === 'ResolvedRefs');
  if (first === undefined || resolved?.status === 'False') return verdicts;
  return [
    ...verdicts.filter((v) => v.type !== 'ResolvedRefs'),
    { type: 'ResolvedRefs', status: 'False', reason: 'InvalidCertificateRef', message: first },
  ];
}

type AtCluster = GatewayStatus['clusters'][number];

function programmedAt(
  digest: string | undefined,
  agent: KnownAgent | undefined,
): Pick<AtCluster, 'programmed' | 'detail'> {
  if (agent === undefined) return { programmed: false, detail: 'no agent has joined' };
  if (agent.refused !== undefined)
    return { programmed: false, detail: `the agent refused it: ${agent.refused}` };
  if (agent.applied?.gateway === digest && digest !== undefined)
    return { programmed: true, detail: 'the agent serves it' };
  return {
    programmed: false,
    detail: agent.connected ? 'the agent has not confirmed it yet' : 'the agent has no connection',
  };
}

function programmedVerdict(clusters: readonly AtCluster[], accepted: readonly Verdict[]): Verdict {
  const refused = accepted.find(
    (v) => (v.type === 'Accepted' || v.type === 'Programmed') && v.status === 'False',
  );
  if (refused !== undefined)
    return { type: 'Programmed', status: 'False', reason: 'Invalid', message: refused.message };
  const missing = clusters.find((c) => !c.programmed);
  if (clusters.length === 0)
    return { type: 'Programmed', status: 'False', reason: 'Pending', message: 'no cluster runs it' };
  if (missing !== undefined) {
    const done = clusters.filter((c) => c.programmed).length;
    return {
      type: 'Programmed',
      status: 'False',
      reason: 'Pending',
      message: `on ${done} of ${clusters.length} clusters; ${missing.name}: ${missing.detail}`,
    };
  }
  return {
    type: 'Programmed',
    status: 'True',
    reason: 'Programmed',
    message: `on ${clusters.map((c) => c.name).join(', ')}`,
  };
}

function addressesOf(
  gateway: Resource<'Gateway'>,
  clusters: readonly ObjectKey[],
  { world }: GatewayStatusInput,
): GatewayStatus['addresses'] {
  if (gateway.spec.addresses.length > 0) return gateway.spec.addresses;
  const all = clusters.flatMap((cluster) => world.objects.Cluster.get(cluster)?.spec.addresses ?? []);
  // The Gateway API allows 16.
  return [...new Set(all)].slice(0, 16).map((value) => ({ type: 'IPAddress', value }));
}

function routeStatus(
  route: Resource<'HTTPRoute'> | Resource<'GRPCRoute'>,
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  input: GatewayStatusInput,
): RouteStatus {
  const key = keyOf(route);
  const reports = reported(gateways, ({ routes }) => routes.get(`${route.kind} ${key}`));
  return {
    parents: route.spec.parentRefs.flatMap((parentRef) => {
      // A parent of another kind or controller is somebody else's.
      if (parentRef.kind !== 'Gateway') return [];
      const said = across(
        new Map(
          [...reports].flatMap(([cluster, { parents }]) => {
            const found = parents.find((p) => sameParent(p.parentRef, parentRef));
            return found === undefined ? [] : [[cluster, verdictsOf(found.findings)] as const];
          }),
        ),
      );
      const before = route.status?.parents.find((p) => sameParent(p.parentRef, parentRef));
      const verdicts = said.length === 0 ? [nowhere(route, parentRef, input)] : said;
      return [
        {
          parentRef,
          controllerName: GATEWAY_CONTROLLER,
          conditions: conditions(route, before?.conditions, verdicts, input.wallMs),
        },
      ];
    }),
  };
}

/** No cluster said anything: the Gateway does not exist, or nothing runs it. */
function nowhere(
  route: Resource<'HTTPRoute'> | Resource<'GRPCRoute'>,
  parent: ParentReference,
  { world }: GatewayStatusInput,
): Verdict {
  const key = objectKey(parent.namespace ?? route.metadata.namespace, parent.name);
  return world.objects.Gateway.has(key)
    ? {
        type: 'Accepted',
        status: 'False',
        reason: 'Pending',
        message: `no cluster runs Gateway ${key} yet`,
      }
    : {
        type: 'Accepted',
        status: 'False',
        reason: 'NoMatchingParent',
        message: `there is no Gateway ${key}`,
      };
}

function sameParent(a: ParentReference, b: ParentReference): boolean {
  return (
    a.kind === b.kind &&
    a.group === b.group &&
    a.namespace === b.namespace &&
    a.name === b.name &&
    a.sectionName === b.sectionName &&
    a.port === b.port
  );
}

type Reported = Resource<'AuthPolicy' | 'GatewayPolicy' | 'BackendTLSPolicy' | 'CallerRouting' | 'Backend'>;

function policyReports(policy: AnyResource & Reported, gateways: ReadonlyMap<ObjectKey, ClusterGateways>) {
  const key = keyOf(policy);
  return reported(gateways, ({ policies }) => policies.get(`${policy.kind} ${key}`));
}

function ancestorsOf(
  policy: AnyResource & Reported,
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  input: GatewayStatusInput,
): readonly PolicyAncestorStatus[] {
  const byAncestor = new Map<ObjectKey, Map<ObjectKey, readonly Verdict[]>>();
  for (const [cluster, { ancestors, findings }] of policyReports(policy, gateways)) {
    for (const gateway of ancestors) {
      const own = byAncestor.get(gateway) ?? new Map<ObjectKey, readonly Verdict[]>();
      byAncestor.set(gateway, own.set(cluster, verdictsOf(findings)));
    }
  }
  const before = policy.status !== undefined && 'ancestors' in policy.status ? policy.status.ancestors : [];
  // The Gateway API allows 16 ancestors.
  return [...byAncestor].slice(0, 16).map(([key, verdicts]) => {
    const [namespace = '', name = ''] = key.split('/');
    const ancestorRef = { group: GATEWAY_API_GROUP, kind: 'Gateway', namespace, name };
    const known = before.find((a) => JSON.stringify(a.ancestorRef) === JSON.stringify(ancestorRef));
    return {
      ancestorRef,
      controllerName: GATEWAY_CONTROLLER,
      conditions: conditions(policy, known?.conditions, across(verdicts), input.wallMs),
    };
  });
}

function policyStatus(
  policy: Resource<'AuthPolicy'> | Resource<'GatewayPolicy'>,
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  input: GatewayStatusInput,
): StatusOf<'AuthPolicy'> {
  const values = secretsNamedIn(policy.spec).map(
    ({ name, key }) => `${policy.metadata.namespace}/${name}/${key}`,
  );
  const problem = [...gateways.values()]
    .flatMap(({ problems }) => values.map((ref) => problems.get(ref)))
    .find((found) => found !== undefined);
  const unresolved: readonly Verdict[] =
    problem === undefined
      ? []
      : [{ type: 'ResolvedRefs', status: 'False', reason: 'InvalidSecretRef', message: problem }];
  return {
    ...plainStatus(policy, gateways, input, unresolved),
    ancestors: ancestorsOf(policy, gateways, input),
  };
}

function plainStatus(
  object: AnyResource & Reported & { readonly status?: { readonly conditions: readonly Condition[] } },
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  input: GatewayStatusInput,
  more: readonly Verdict[] = [],
): { readonly conditions: readonly Condition[] } {
  const said = across(
    new Map(
      [...policyReports(object, gateways)].map(
        ([cluster, { findings }]) => [cluster, verdictsOf(findings)] as const,
      ),
    ),
  );
  const unused: Verdict = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'in use when a gateway refers to it',
  };
  return {
    conditions: conditions(
      object,
      object.status?.conditions,
      [...(said.length === 0 ? [unused] : said), ...more],
      input.wallMs,
    ),
  };
}
