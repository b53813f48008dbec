import { checkAddress } from '../../src/health/address-policy.ts';
import type { InventoryServices } from '../api/inventory-services.ts';
import type { KnownAgent } from '../reconcile/agent-directory.ts';
import type { InventoryStatuses } from '../reconcile/conditions.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { World } from '../reconcile/world.ts';
import { kubernetesStatus } from './cluster-status.ts';
import { createInventoryDesk, type InventoryDesk } from './desk.ts';
import { createStatusTeller, type StatusTeller } from './status-teller.ts';
import { createInventoryView } from './view.ts';

/** The part of a hub that takes what agents find in their Kubernetes clusters. */
export interface InventoriesOfHub {
  readonly desk: InventoryDesk;
  readonly statuses: InventoryStatuses;
  readonly services: InventoryServices;
}

/** So long after a start, what an agent had found before it is expected to be told again. */
const EXPECTED_MS = 60_000;

export function createInventoriesOfHub(options: {
  readonly onChange: () => void;
  readonly onStatus: () => void;
  readonly world: () => World | undefined;
  readonly allowedRanges: readonly string[];
  readonly wallMs: () => number;
  readonly log: { info(details: object, message: string): void };
}): InventoriesOfHub {
  const { wallMs, allowedRanges } = options;
  const startedMs = wallMs();
  const desk = createInventoryDesk(options);
  const teller: StatusTeller = createStatusTeller(desk);
  const usable = (address: string): boolean => checkAddress(address, allowedRanges) === undefined;

  /** Clusters whose agents were there when the hub stopped, and had told what they find. */
  let expected: readonly ObjectKey[] | undefined;
  const expectedOf = ({ objects }: World): readonly ObjectKey[] =>
    [...objects.Cluster].flatMap(([key, { status }]) =>
      status?.kubernetes !== undefined && status.agent?.connected === true ? [key] : [],
    );

  return {
    desk,
    statuses: {
      of: (cluster, agent: KnownAgent | undefined, { objects }) =>
        kubernetesStatus(
          cluster,
          desk.of(`${cluster.metadata.namespace}/${cluster.metadata.name}`),
          agent?.connected === true,
          { objects, usable, wallMs: wallMs() },
        ),
      get waiting() {
        if (wallMs() - startedMs > EXPECTED_MS) return false;
        const world = options.world();
        // Once, before this start wrote any status: then it says that nobody is connected.
        if (world !== undefined) expected ??= expectedOf(world);
        return desk.awaited.size > 0 || (expected ?? []).some((key) => desk.of(key) === undefined);
      },
      tell: teller.tell,
    },
    services: createInventoryView({ desk, teller, world: options.world }),
  };
}
