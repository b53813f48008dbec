import type { Client, ObjectName } from '../src/client/client.ts';
import type { Resource } from '../src/resources/catalogue.ts';
import type { DrillEvent, DrillPhase } from '../src/resources/drill.ts';
import type { AddressNames } from './output/drill-report.ts';

const FINISHED: readonly DrillPhase[] = ['Completed', 'Aborted', 'Failed'];

export function isFinished(drill: Resource<'Drill'>): boolean {
  return FINISHED.some((phase) => phase === drill.status?.phase);
}

/**
 * Follows a drill to its end; each event of the timeline is given once, in order.
 * @param fromRevision changes up to here are not looked at, so an earlier run of the same drill is not taken for this one
 * @returns the drill as it ended; `undefined` when it was deleted or `signal` aborted
 */
export async function followDrill(
  client: Client,
  drill: ObjectName,
  options: {
    readonly signal: AbortSignal;
    readonly fromRevision?: number;
    readonly onEvent: (event: DrillEvent, drill: Resource<'Drill'>) => void;
    readonly onReconnect: (text: string) => void;
  },
): Promise<Resource<'Drill'> | undefined> {
  const told = new Set<string>();
  const changes = client.watch(
    { kind: 'Drill', namespace: drill.namespace },
    {
      signal: options.signal,
      ...(options.fromRevision === undefined ? {} : { fromRevision: options.fromRevision }),
      onReconnect: (error) => options.onReconnect(`watching again: ${error.message}`),
    },
  );
  for await (const change of changes) {
    if (!('object' in change) || change.object.kind !== 'Drill') continue;
    const { object } = change;
    if (object.metadata.name !== drill.name) continue;
    if (change.type === 'deleted') return undefined;
    for (const event of object.status?.timeline ?? []) {
      const id = JSON.stringify(event);
      if (told.has(id)) continue;
      told.add(id);
      options.onEvent(event, object);
    }
    if (isFinished(object)) return object;
  }
  return undefined;
}

/** Which endpoint an address or CNAME target of an answer belongs to; several policies may share one. */
export async function addressNames(client: Client, namespace: string): Promise<AddressNames> {
  const [policies, clusters] = await Promise.all([
    client.list('TrafficPolicy', namespace),
    client.list('Cluster', namespace),
  ]);
  const ofCluster = new Map(clusters.items.map((c) => [c.metadata.name, c.spec.addresses]));
  const names = new Map<string, Set<string>>();
  for (const policy of policies.items) {
    for (const endpoint of policy.spec.endpoints) {
      const addresses = [
        ...(endpoint.addresses ??
          (endpoint.cname === undefined ? (ofCluster.get(endpoint.cluster) ?? []) : [])),
        ...(endpoint.cname === undefined ? [] : [endpoint.cname]),
      ];
      for (const address of addresses)
        names.set(address, (names.get(address) ?? new Set()).add(endpoint.name));
    }
  }
  return new Map([...names].map(([address, set]) => [address, [...set].join('/')]));
}
