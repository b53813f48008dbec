import { z } from 'zod';
import type { ClusterInventory, InventoryKey } from '../../src/inventory/contract.ts';
import { FOUND_KINDS } from '../../src/policy/found-objects.ts';
import type { InventoryItem, InventoryServices } from '../api/inventory-services.ts';
import type { World } from '../reconcile/world.ts';
import { countsOf, shadowedKeys } from './cluster-status.ts';
import type { InventoryDesk } from './desk.ts';
import type { StatusTeller } from './status-teller.ts';

/** What people are shown of what agents found. */
export function createInventoryView(options: {
  readonly desk: InventoryDesk;
  readonly teller: Pick<StatusTeller, 'statusesOf'>;
  readonly world: () => World | undefined;
}): InventoryServices {
  const { desk, teller } = options;
  return {
    inventory(cluster) {
      const known = desk.of(cluster);
      if (known === undefined) return undefined;
      const { inventory, session, awaitedSinceMs } = known;
      const objects = options.world()?.objects;
      return {
        cluster,
        live: session !== undefined && inventory !== undefined,
        ...(awaitedSinceMs === undefined ? {} : { awaitedSince: new Date(awaitedSinceMs).toISOString() }),
        counts: inventory === undefined ? {} : countsOf(inventory),
        items:
          inventory === undefined
            ? []
            : itemsOf(
                inventory,
                new Set(objects === undefined ? [] : shadowedKeys(inventory, objects)),
                teller.statusesOf(cluster),
              ),
      };
    },
  };
}

function itemsOf(
  inventory: ClusterInventory,
  shadowed: ReadonlySet<string>,
  statuses: ReadonlyMap<InventoryKey, unknown>,
): readonly InventoryItem[] {
  const items: InventoryItem[] = [];
  const add = (key: string, state: InventoryItem['state'], detail: string): void => {
    const space = key.indexOf(' ');
    const slash = key.indexOf('/', space);
    const status = statuses.get(key as InventoryKey);
    items.push({
      kind: key.slice(0, space),
      namespace: key.slice(space + 1, slash),
      name: key.slice(slash + 1),
      state,
      detail: detail === '' ? complaintOf(status) : detail,
      ...(status === undefined ? {} : { status }),
    });
  };
  for (const kind of FOUND_KINDS)
    for (const name of inventory.resources[kind].keys()) {
      const key = `${kind} ${name}`;
      if (shadowed.has(key))
        add(key, 'elsewhere', 'the hub has one of this name, which is used in its place');
      else add(key, 'used', '');
    }
  for (const [name, { type }] of inventory.services) add(`Service ${name}`, 'used', type);
  for (const [name, { problem = '' }] of inventory.secrets) add(`Secret ${name}`, 'used', problem);
  for (const name of inventory.namespaces.keys()) add(`Namespace /${name}`, 'used', '');
  for (const [key, { problem }] of inventory.refused) add(key, 'refused', problem);
  for (const key of inventory.ignored.keys())
    add(key, 'ignored', 'outside the Kubernetes namespace that this Cluster carries');
  return items.sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
}

const KINDS_FIRST = [...FOUND_KINDS, 'Secret', 'Service', 'Namespace'] as readonly string[];

function orderOf({ kind, namespace, name }: InventoryItem): string {
  return `${String(KINDS_FIRST.indexOf(kind)).padStart(2, '0')} ${namespace}/${name}`;
}

const conditionList = z.object({
  conditions: z.array(z.object({ type: z.string(), status: z.string(), message: z.string() })),
});
const said = z.union([conditionList.transform((one) => [one]), z.array(conditionList)]);

/** The first condition that is not as it should be. */
function complaintOf(status: unknown): string {
  const read = said.safeParse(status);
  if (!read.success) return '';
  const bad = read.data
    .flatMap(({ conditions }) => conditions)
    .find(({ type, status: is }) => (type === 'PartiallyInvalid' ? is === 'True' : is === 'False'));
  return bad === undefined ? '' : `${bad.type}: ${bad.message}`;
}
