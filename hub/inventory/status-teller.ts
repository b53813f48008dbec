import { create } from '@bufbuild/protobuf';
import type { ClusterInventory, InventoryKey } from '../../src/inventory/contract.ts';
import {
  HubMessageSchema,
  InventoryObjectStatusSchema,
  InventoryStatusesSchema,
} from '../../src/protocol/generated/portolan_pb.js';
import type { ClusterGateways } from '../gateways/gateways.ts';
import type { GatewayStatusInput } from '../gateways/status-input.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { InventoryDesk, KnownInventory } from './desk.ts';
import { type FoundStatus, foundStatuses } from './object-statuses.ts';

/** Tells agents what is to stand in the `status` of what they found: everything once in a session, then what differs. */
export interface StatusTeller {
  tell(input: GatewayStatusInput): void;
  /** What was said last of the objects of a cluster. */
  statusesOf(cluster: ObjectKey): ReadonlyMap<InventoryKey, unknown>;
}

/** Statuses in one message. */
const BATCH = 200;

interface Told {
  readonly session: KnownInventory['session'];
  /** What the statuses were made from, by identity or text. */
  readonly made: {
    readonly inventory: ClusterInventory;
    readonly reports: ClusterGateways['reports'];
    readonly rest: string;
  };
  readonly statuses: ReadonlyMap<
    InventoryKey,
    { readonly found: FoundStatus; readonly uid: string; readonly status: unknown; readonly text: string }
  >;
}

export function createStatusTeller(desk: InventoryDesk): StatusTeller {
  const told = new Map<ObjectKey, Told>();

  function tellCluster(
    cluster: ObjectKey,
    session: KnownInventory['session'],
    own: ClusterGateways,
    inventory: ClusterInventory,
    input: GatewayStatusInput,
  ): void {
    const before = told.get(cluster);
    const made = { inventory, reports: own.reports, rest: restOf(cluster, own, input) };
    const same =
      before?.session === session &&
      before?.made.inventory === made.inventory &&
      before.made.reports === made.reports &&
      before.made.rest === made.rest;
    if (same) return;
    const statuses = new Map<
      InventoryKey,
      { found: FoundStatus; uid: string; status: unknown; text: string }
    >();
    const due: FoundStatus[] = [];
    const last = (key: InventoryKey): unknown => before?.statuses.get(key)?.status;
    for (const one of foundStatuses(cluster, own, inventory, input, last)) {
      const known = before?.statuses.get(one.key);
      const text = known?.found === one ? known.text : JSON.stringify(one.status);
      statuses.set(
        one.key,
        known?.found === one ? known : { found: one, uid: one.uid, status: one.status, text },
      );
      if (before?.session !== session || known?.text !== text || known.uid !== one.uid) due.push(one);
    }
    told.set(cluster, { session, made, statuses });
    for (let i = 0; i < due.length; i += BATCH) session?.send(messageOf(inventory, due.slice(i, i + BATCH)));
  }

  return {
    tell(input) {
      for (const cluster of [...told.keys()]) if (!desk.inventories.has(cluster)) told.delete(cluster);
      for (const [cluster, own] of input.gateways ?? []) {
        const session = desk.of(cluster)?.session;
        // Another session's objects are not compiled yet.
        if (own.found === undefined || own.found.session !== desk.inventories.get(cluster)?.session) continue;
        if (session !== undefined) tellCluster(cluster, session, own, own.found, input);
      }
    },
    statusesOf: (cluster) =>
      new Map([...(told.get(cluster)?.statuses ?? [])].map(([key, { status }]) => [key, status])),
  };
}

/** What statuses of Gateways depend on besides the reports: certificates, what the agent confirmed, where the cluster is reached. */
function restOf(cluster: ObjectKey, own: ClusterGateways, { agentOf, world }: GatewayStatusInput): string {
  const agent = agentOf(cluster);
  const place = world.objects.Cluster.get(cluster);
  return JSON.stringify([
    own.digest,
    [...own.problems],
    [...own.waiting],
    agent?.connected,
    agent?.snapshotParts,
    agent?.refused,
    agent?.applied?.gateway,
    place?.spec.addresses,
    place?.status?.kubernetes?.addresses,
  ]);
}

function messageOf({ session }: ClusterInventory, statuses: readonly FoundStatus[]) {
  const value = create(InventoryStatusesSchema, {
    session,
    statuses: statuses.map(({ kind, namespace, name, uid, status }) =>
      create(InventoryObjectStatusSchema, { kind, namespace, name, uid, status: JSON.stringify(status) }),
    ),
  });
  return create(HubMessageSchema, { kind: { case: 'inventoryStatuses', value } });
}
