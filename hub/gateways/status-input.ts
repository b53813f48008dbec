import type { AnyResource } from '../../src/resources/catalogue.ts';
import { type Condition, withCondition } from '../../src/resources/metadata.ts';
import type { KnownAgent } from '../reconcile/agent-directory.ts';
import { type ObjectKey, objectKey } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import type { ClusterGateways } from './gateways.ts';
import { type ReportIndex, reportIndex } from './report-index.ts';
import type { Verdict } from './verdicts-across.ts';

/** What the statuses of gateway objects are written from. */
export interface GatewayStatusInput {
  readonly world: Pick<World, 'objects'>;
  readonly gateways?: ReadonlyMap<ObjectKey, ClusterGateways> | undefined;
  readonly agentOf: (cluster: ObjectKey) => KnownAgent | undefined;
  readonly wallMs: number;
}

/** Verdicts as conditions: those that say what they said before keep their time. */
export function conditions(
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

export const keyOf = ({ metadata }: AnyResource): ObjectKey => objectKey(metadata.namespace, metadata.name);

/** What the report of each cluster says, by the cluster's name. */
export function reported<T>(
  gateways: ReadonlyMap<ObjectKey, ClusterGateways>,
  find: (reports: ReportIndex, own: ClusterGateways) => T | undefined,
): ReadonlyMap<ObjectKey, T> {
  const found = new Map<ObjectKey, T>();
  // By name: in which order the hub came to know them must not change what is told.
  for (const [cluster, own] of [...gateways].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const report = find(reportIndex(own.reports), own);
    if (report !== undefined) found.set(cluster, report);
  }
  return found;
}
