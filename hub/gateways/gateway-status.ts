import { isPolicy } from '../../src/policy/listeners.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import { clusterEntries } from '../../src/resources/cluster.ts';
import { CERTIFICATE_OPTION, type GatewayStatus, type ListenerStatus } from '../../src/resources/gateway.ts';
import type { KnownAgent } from '../reconcile/agent-directory.ts';
import { type ObjectKey, objectKey } from '../reconcile/objects.ts';
import type { ClusterGateways } from './gateways.ts';
import { conditions, type GatewayStatusInput, keyOf, reported } from './status-input.ts';
import { across, type Verdict, verdictsOf } from './verdicts-across.ts';

/** A Gateway and its listeners: what the compilers say, and which agents serve it. */
export function gatewayStatus(
  gateway: Resource<'Gateway'>,
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  input: GatewayStatusInput,
): GatewayStatus {
  const key = keyOf(gateway);
  const reports = reported(gateways, ({ gateways: all }, { problems, waiting }) => {
    const report = all.get(key);
    return report === undefined ? undefined : { report, problems, waiting };
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
        [...reports].flatMap(([cluster, { report, problems, waiting }]) => {
          const found = report.listeners.find((l) => l.name === listener.name);
          return found === undefined ? [] : [[cluster, { found, problems, waiting }] as const];
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
      const waits = [...own.values()].flatMap(({ waiting }) => waitOf(gateway, listener, waiting) ?? [])[0];
      // Without a certificate that may be used, no agent opens it.
      const shut = [...own.values()].some(({ found }) => !found.served)
        ? said.find((v) => v.type === 'ResolvedRefs' && v.status === 'False')
        : undefined;
      const served = shut === undefined ? said : [{ ...shut, type: 'Programmed' }];
      const before = gateway.status?.listeners.find((l) => l.name === listener.name)?.conditions;
      return {
        name: listener.name,
        supportedKinds: first?.supportedKinds ?? [],
        attachedRoutes: Math.max(0, ...[...own.values()].map(({ found }) => found.attachedRoutes)),
        conditions: conditions(
          gateway,
          before,
          said.length === 0 ? [] : [...said, programmedVerdict(clusters, served, waits)],
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
  const bad = (listener.tls?.certificateRefs ?? []).flatMap((ref) => {
    if (isPolicy(ref)) return [];
    const { namespace, name } = ref;
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

/** What a listener waits for that can show no certificate at all yet; one that shows another meanwhile is served. */
function waitOf(
  gateway: Resource<'Gateway'>,
  { tls }: Resource<'Gateway'>['spec']['listeners'][number],
  waiting: ReadonlyMap<string, string>,
): string | undefined {
  const refs = tls?.certificateRefs ?? [];
  const waits = refs.map((ref) =>
    isPolicy(ref)
      ? waiting.get(`certificatepolicy/${objectKey(ref.namespace ?? gateway.metadata.namespace, ref.name)}`)
      : undefined,
  );
  const internal = tls?.options[CERTIFICATE_OPTION] === 'internal';
  return internal || waits.includes(undefined) ? undefined : waits[0];
}

type AtCluster = GatewayStatus['clusters'][number];

function programmedAt(
  digest: string | undefined,
  agent: KnownAgent | undefined,
): Pick<AtCluster, 'programmed' | 'detail'> {
  if (agent === undefined) return { programmed: false, detail: 'no agent has joined' };
  if (agent.connected && !agent.snapshotParts.includes('gateway'))
    return {
      programmed: false,
      detail: `its agent (${agent.version}) runs no gateways: it is of an older release, or was told so`,
    };
  if (agent.refused !== undefined)
    return { programmed: false, detail: `the agent refused it: ${agent.refused}` };
  if (agent.applied?.gateway === digest && digest !== undefined)
    return { programmed: true, detail: 'the agent serves it' };
  return {
    programmed: false,
    detail: agent.connected ? 'the agent has not confirmed it yet' : 'the agent has no connection',
  };
}

function programmedVerdict(
  clusters: readonly AtCluster[],
  accepted: readonly Verdict[],
  waits?: string,
): Verdict {
  const refused = accepted.find(
    (v) => (v.type === 'Accepted' || v.type === 'Programmed') && v.status === 'False',
  );
  if (refused !== undefined)
    return { type: 'Programmed', status: 'False', reason: 'Invalid', message: refused.message };
  if (waits !== undefined) return { type: 'Programmed', status: 'False', reason: 'Pending', message: waits };
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
  const all = clusters.flatMap((key) => {
    const cluster = world.objects.Cluster.get(key);
    return cluster === undefined ? [] : clusterEntries(cluster);
  });
  const byValue = new Map(all.map((address) => [address.value, address]));
  // The Gateway API allows 16.
  return [...byValue.values()].slice(0, 16);
}
