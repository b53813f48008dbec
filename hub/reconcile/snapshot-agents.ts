import { ownFailureDomain } from '../../src/resources/cluster.ts';
import type { KnownAgent } from './agent-directory.ts';
import { objectKey } from './objects.ts';
import type { SnapshotAgent } from './snapshots.ts';
import type { World } from './world.ts';

/** `namespace/name` of the cluster an agent runs on. */
export function clusterOf(agent: KnownAgent): string {
  return objectKey(agent.identity.cluster.namespace, agent.identity.cluster.name);
}

/** What its Cluster says; the cluster's own name when it says nothing. */
export function failureDomainOf(agent: KnownAgent, world: World): string {
  const { namespace, name } = agent.identity.cluster;
  return world.objects.Cluster.get(clusterOf(agent))?.spec.failureDomain ?? ownFailureDomain(namespace, name);
}

/** Where it answers DNS, `host:port`; one that has not connected since the hub started keeps what its status says. */
export function nameServersOf(agent: KnownAgent, world: World): readonly string[] {
  if (agent.version !== '') return agent.nameServers;
  return world.objects.Cluster.get(clusterOf(agent))?.status?.agent?.nameServers ?? [];
}

/**
 * Agents as snapshots know them. One that has not connected since the hub started keeps the peer address in its status.
 * An agent that is away and was not heard after `heardAfterMs` (wall clock) is no witness for other clusters.
 */
export function snapshotAgents(
  agents: readonly KnownAgent[],
  world: World,
  times: { readonly heardAfterMs: number; readonly hubStartedMs: number },
): readonly SnapshotAgent[] {
  return agents.map((agent) => {
    const { agentUid, clusterUid, generation } = agent.identity;
    const cluster = clusterOf(agent);
    return {
      agentUid,
      clusterUid,
      cluster,
      failureDomain: failureDomainOf(agent, world),
      generation,
      witness: agent.connected || (agent.lastSeenWallMs ?? times.hubStartedMs) > times.heardAfterMs,
      nameServer: nameServersOf(agent, world).length > 0,
      parts: agent.snapshotParts,
      peerAddress: agent.peerAddress ?? world.objects.Cluster.get(cluster)?.status?.agent?.peerAddress,
    };
  });
}
