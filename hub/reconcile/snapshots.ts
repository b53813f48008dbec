import { create } from '@bufbuild/protobuf';
import { assign, type Vantage } from '../../src/health/assignment.ts';
import type { QuorumConfig, Target } from '../../src/health/types.ts';
import { canonicalJson } from '../../src/identity/canonical-json.ts';
import { type SnapshotSigner, signSnapshot } from '../../src/identity/snapshot-signing.ts';
import { type GatewayPart, type GatewaySecrets, NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import {
  type HubMessage,
  HubMessageSchema,
  Snapshot_PartSchema,
  SnapshotSchema,
} from '../../src/protocol/generated/portolan_pb.js';
import type { DnsPart, PeersPart, RoutingPart, SnapshotParts } from '../../src/protocol/snapshot.ts';
import type { ClusterPieces } from '../gateways/gateway-pieces.ts';
import type { ClusterGateways } from '../gateways/gateways.ts';
import { canonicalTextOf } from './canonical-text.ts';
import type { Published } from './publisher.ts';

/** An agent as snapshots know it. */
export interface SnapshotAgent {
  readonly agentUid: string;
  readonly clusterUid: string;
  /** `namespace/name`. */
  readonly cluster: string;
  readonly failureDomain: string;
  readonly generation: number;
  /** May be counted on to probe other clusters: it is connected, or was a moment ago. */
  readonly witness: boolean;
  /** `host:port` where peers reach it, once it said so. */
  readonly peerAddress: string | undefined;
  /** It answers DNS: it gets the secrets of name servers. */
  readonly nameServer: boolean;
  /** Names of the parts it reads: an older release gets no others (I12). */
  readonly parts: readonly string[];
}

export interface SnapshotInput {
  readonly published: Published;
  readonly drains: RoutingPart['drains'];
  readonly quorum: QuorumConfig;
  readonly targets: readonly Target[];
  readonly caBundles: Readonly<Record<string, string>>;
  /** For name servers only. */
  readonly dns: DnsPart;
  /** By cluster; those without a Gateway have none. */
  readonly gateways?: ReadonlyMap<string, Pick<ClusterGateways, 'part' | 'pieces' | 'secrets' | 'digest'>>;
  /** Clusters whose agents keep the snapshot that they have. */
  readonly held?: ReadonlySet<string>;
  readonly agents: readonly SnapshotAgent[];
  readonly hub: Vantage;
  readonly wallMs: number;
}

/** The bytes of a snapshot's parts for every agent, and who probes what. */
export interface SnapshotSet {
  /** Targets the hub's own prober has. */
  readonly hubTargets: readonly Target[];
  /** Contents by agent uid; `digest` tells whether an agent needs a new one. */
  readonly byAgent: ReadonlyMap<string, AgentParts>;
}

export interface AgentParts {
  readonly agent: SnapshotAgent;
  readonly digest: string;
  /** Digest of the gateway configuration in it. */
  readonly gateway?: string;
  /** That configuration, for an agent that reads it in pieces. */
  readonly pieces?: ClusterPieces;
  /** The same for an older one, to be written as a whole: part `gateway`. */
  readonly whole?: GatewayPart;
  /** All but part `gateway`. Made anew at every call: with many agents, the bytes of all of them would not fit in memory. */
  readonly parts: () => SnapshotParts;
}

/**
 * Compiles the parts for every agent. Pure. Targets of other clusters go to witnesses; an agent that is none keeps those of its
 * own cluster, which nobody else sees from inside.
 *
 * Canonical JSON is written once for what agents share, and spliced: members stand in the order that `canonicalJson` gives them.
 */
export function compileSnapshots(
  input: SnapshotInput,
  encode: (text: string) => Uint8Array,
  digest: (bytes: readonly Uint8Array[]) => string,
): SnapshotSet {
  const { published, targets } = input;
  const vantages: Vantage[] = [
    input.hub,
    ...input.agents
      .filter((a) => a.witness)
      .map(
        (a): Vantage => ({
          id: `agent/${a.agentUid}`,
          kind: 'agent',
          failureDomain: a.failureDomain,
          cluster: a.cluster,
        }),
      ),
  ];
  const work = assign(targets, vantages);
  const { content, sequence } = published;
  const drains = input.drains.map(({ remainingMs, ...d }) => ({
    ...d,
    ...(remainingMs === undefined ? {} : { remainingMs }),
  }));
  // What makes a new snapshot necessary: the instant of issue and the seconds a dated drain has left do not.
  const routingIdentity = canonicalJson([
    published.hash,
    sequence,
    drains.map((d) => [d.cluster, d.remainingMs === undefined]),
  ]);
  const routing = once(() =>
    encode(
      `{"drains":${canonicalJson(drains)},"geoSha256":${canonicalJson(content.geoSha256)},` +
        `"issuedAtMs":${input.wallMs},"policies":[${content.policies.map(canonicalTextOf).join(',')}],` +
        `"regions":${canonicalJson(content.regions)},"sequence":${sequence},"zones":[${content.zones.map(zoneText).join(',')}]}`,
    ),
  );
  const shared =
    `"caBundles":${canonicalJson(input.caBundles)},"quorum":${canonicalJson(input.quorum)},` +
    `"targets":[${targets.map(canonicalTextOf).join(',')}]`;
  const peers = input.agents.flatMap((p) =>
    p.peerAddress === undefined
      ? []
      : [
          {
            agentUid: p.agentUid,
            text: canonicalJson({
              agentUid: p.agentUid,
              cluster: p.cluster,
              failureDomain: p.failureDomain,
              address: p.peerAddress,
              generation: p.generation,
            } satisfies PeersPart['peers'][number]),
          },
        ],
  );
  const common = digest([encode(routingIdentity), encode(shared), encode(peers.map((p) => p.text).join())]);
  // Most installations have none: then the part is left out, and an older agent gets what it knows.
  const hasDns = Object.keys(input.dns.signing).length + Object.keys(input.dns.tsigKeys).length > 0;
  const dnsText = hasDns ? canonicalTextOf(input.dns) : '';
  const byAgent = new Map<string, AgentParts>();
  for (const agent of input.agents) {
    const { agentUid, cluster, failureDomain } = agent;
    const own = (): readonly string[] => targets.filter((t) => t.cluster === cluster).map((t) => t.id);
    const assignedText = canonicalJson(work.get(`agent/${agentUid}`) ?? own());
    const self = canonicalJson({ agentUid, cluster, failureDomain } satisfies PeersPart['self']);
    const inPieces = agent.parts.includes('gatewayFrame');
    const serves = inPieces || agent.parts.includes('gateway');
    const gateway =
      serves || agent.parts.includes('gatewaySecrets') ? input.gateways?.get(cluster) : undefined;
    byAgent.set(agentUid, {
      agent,
      ...(gateway === undefined ? {} : { gateway: gateway.digest }),
      ...(gateway === undefined || !serves
        ? {}
        : inPieces
          ? { pieces: gateway.pieces }
          : { whole: gateway.part }),
      digest: digest([
        encode(
          `${common} ${assignedText} ${self}${agent.nameServer ? dnsText : ''}${gateway?.digest ?? ''}${inPieces}`,
        ),
      ]),
      parts: () => ({
        routing: routing(),
        probes: encode(`{"assigned":${assignedText},${shared}}`),
        peers: encode(
          `{"peers":[${peers.flatMap((p) => (p.agentUid === agentUid ? [] : [p.text])).join(',')}],"self":${self}}`,
        ),
        ...(agent.nameServer && hasDns ? { dns: encode(dnsText) } : {}),
        ...(gateway === undefined
          ? {}
          : {
              ...(inPieces ? { gatewayFrame: gateway.pieces.frame } : {}),
              gatewaySecrets: encode(
                canonicalJson(serves ? gateway.secrets : certificatesOnly(gateway.secrets)),
              ),
            }),
      }),
    });
  }
  const assigned = new Set(work.get(input.hub.id) ?? []);
  return { hubTargets: targets.filter((t) => assigned.has(t.id)), byAgent };
}

/** For an agent that runs no gateways, and gives certificates to other programs. */
function certificatesOnly({ certificates, sets = {}, agentKeys }: GatewaySecrets): GatewaySecrets {
  const ids = new Set(Object.values(sets).flat());
  return {
    ...NO_GATEWAY_SECRETS,
    certificates: Object.fromEntries(Object.entries(certificates).filter(([id]) => ids.has(id))),
    sets,
    ...(agentKeys === undefined ? {} : { agentKeys }),
  };
}

function zoneText({ name, namespace, signingSha256, spec }: RoutingPart['zones'][number]): string {
  const signing = signingSha256 === undefined ? '' : `"signingSha256":${canonicalJson(signingSha256)},`;
  return `{"name":${canonicalJson(name)},"namespace":${canonicalJson(namespace)},${signing}"spec":${canonicalTextOf(spec)}}`;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/**
 * Signs one agent's snapshot and wraps it for the stream.
 * @param gateway `whole`: part `gateway`, where it is wanted; `pieces`: what the agent lacks of those that its frame names
 */
export function snapshotMessage(
  compiled: AgentParts,
  gateway: { readonly whole: Uint8Array | undefined; readonly pieces: readonly Uint8Array[] },
  head: {
    readonly hub: string;
    readonly epoch: number;
    readonly version: number;
    readonly previous: string;
    readonly issuedAtMs: number;
    readonly minimumAgent: string;
  },
  signer: SnapshotSigner,
): { readonly message: HubMessage; readonly hash: string } {
  const { whole, pieces } = gateway;
  const parts = { ...compiled.parts(), ...(whole === undefined ? {} : { gateway: whole }) };
  const signed = signSnapshot({ ...head, cluster: compiled.agent.clusterUid }, parts, signer, pieces);
  const value = create(SnapshotSchema, {
    manifest: signed.manifest,
    signature: signed.signature,
    keyId: signed.keyId,
    parts: signed.parts.map((p) => create(Snapshot_PartSchema, { name: p.name, content: p.content })),
    pieces: [...signed.pieces],
  });
  return { message: create(HubMessageSchema, { kind: { case: 'snapshot', value } }), hash: signed.mark.hash };
}
