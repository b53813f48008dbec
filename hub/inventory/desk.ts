import { PortolanError } from '../../src/errors/error.ts';
import { applyInventory, type InventoryIntake } from '../../src/inventory/apply.ts';
import type { ClusterInventory, InventoryLimits } from '../../src/inventory/contract.ts';
import { withSameParts } from '../../src/inventory/same-parts.ts';
import type { Hello, Inventory } from '../../src/protocol/generated/portolan_pb.js';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { AgentSession } from '../agents/link-session.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import { specProblem } from './spec-problem.ts';

type Session = Pick<AgentSession, 'agentUid' | 'clusterKey' | 'clusterUid' | 'send'>;

/** What is known of the inventory of one cluster. */
export interface KnownInventory {
  /** The last complete one; it stays when the agent goes away. */
  readonly inventory: ClusterInventory | undefined;
  /** The stream that it comes on now; undefined: the agent is away, or sends none. */
  readonly session: Session | undefined;
  /** Since when (wall clock) the first complete one is waited for; undefined: it is there, or nothing depends on it. */
  readonly awaitedSinceMs: number | undefined;
}

/** Takes what agents find in their clusters. */
export interface InventoryDesk {
  /** To be called before anything may be sent to the agent. */
  onHello(session: Session, hello: Pick<Hello, 'inventory' | 'snapshotVersion'>): void;
  /** @throws PortolanError what ends the stream: a gap, too much, or what cannot be read */
  onInventory(session: Session, message: Inventory): void;
  onClosed(session: Session): void;
  /** Complete inventories, by cluster. Another map when one of them is another. */
  readonly inventories: ReadonlyMap<ObjectKey, ClusterInventory>;
  /**
   * Clusters whose agents have a snapshot that may hold what they found, and have not told it to this hub: they keep the snapshot they have.
   */
  readonly awaited: ReadonlySet<ObjectKey>;
  of(cluster: ObjectKey): KnownInventory | undefined;
  /** Forgets clusters that are no more. */
  keepOnly(clusters: ReadonlyMap<ObjectKey, Resource<'Cluster'>>): void;
}

interface Entry {
  readonly clusterUid: string;
  readonly session: Session | undefined;
  /** Of the stream of `session`. */
  readonly intake: InventoryIntake | undefined;
  readonly inventory: ClusterInventory | undefined;
  readonly awaitedSinceMs: number | undefined;
}

export function createInventoryDesk(options: {
  /** What gateways are compiled from is otherwise. */
  readonly onChange: () => void;
  /** Facts, or what was ignored: statuses are due. */
  readonly onStatus: () => void;
  readonly wallMs: () => number;
  readonly limits?: InventoryLimits;
  readonly log: { info(details: object, message: string): void };
}): InventoryDesk {
  const { onChange, onStatus, wallMs, log } = options;
  const entries = new Map<ObjectKey, Entry>();
  let inventories: ReadonlyMap<ObjectKey, ClusterInventory> = new Map();

  function use(cluster: ObjectKey, inventory: ClusterInventory | undefined): void {
    const next = new Map(inventories);
    if (inventory === undefined) next.delete(cluster);
    else next.set(cluster, inventory);
    inventories = next;
    onChange();
    onStatus();
  }

  return {
    onHello(session, hello) {
      const { clusterKey: cluster, clusterUid } = session;
      const before = entries.get(cluster);
      const known = before?.clusterUid === clusterUid ? before : undefined;
      if (!hello.inventory) {
        entries.delete(cluster);
        if (before !== undefined) use(cluster, undefined);
        return;
      }
      // An agent without a snapshot has nothing to lose.
      const awaits = known?.inventory === undefined && hello.snapshotVersion > 0n;
      entries.set(cluster, {
        clusterUid,
        session,
        intake: undefined,
        inventory: known?.inventory,
        awaitedSinceMs: awaits ? (known?.awaitedSinceMs ?? wallMs()) : undefined,
      });
      if (before?.inventory !== undefined && known === undefined) use(cluster, undefined);
    },
    onInventory(session, message) {
      const { clusterKey: cluster } = session;
      const entry = entries.get(cluster);
      if (entry === undefined)
        throw new PortolanError('VALIDATION_FAILED', 'inventory: the Hello did not announce one');
      // Of a stream that a newer one has taken the place of.
      if (entry.session !== session) return;
      const [namespace = ''] = cluster.split('/');
      const intake = applyInventory(entry.intake, message, {
        namespace,
        refuses: specProblem,
        ...(options.limits === undefined ? {} : { limits: options.limits }),
      });
      if (!intake.complete) {
        entries.set(cluster, { ...entry, intake });
        return;
      }
      const before = entry.inventory;
      const first = entry.intake?.complete !== true;
      const inventory =
        first && before !== undefined ? withSameParts(before, intake.inventory) : intake.inventory;
      entries.set(cluster, {
        ...entry,
        intake: { ...intake, inventory },
        inventory,
        awaitedSinceMs: undefined,
      });
      if (first)
        log.info(
          { cluster, objects: intake.sizes.size, octets: intake.octets },
          'the inventory of the cluster is complete',
        );
      if (before !== inventory || first) use(cluster, inventory);
    },
    onClosed(session) {
      const entry = entries.get(session.clusterKey);
      if (entry?.session === session)
        entries.set(session.clusterKey, { ...entry, session: undefined, intake: undefined });
    },
    get inventories() {
      return inventories;
    },
    get awaited() {
      return new Set([...entries].filter(([, e]) => e.awaitedSinceMs !== undefined).map(([key]) => key));
    },
    of: (cluster) => entries.get(cluster),
    keepOnly(clusters) {
      for (const [key, { clusterUid, inventory }] of [...entries]) {
        if (clusters.get(key)?.metadata.uid === clusterUid) continue;
        entries.delete(key);
        if (inventory !== undefined) use(key, undefined);
      }
    },
  };
}
