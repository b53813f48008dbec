import { z } from 'zod';
import { PortolanError } from '../../src/errors/error.ts';
import { INVENTORY_KINDS } from '../../src/inventory/contract.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { may } from './permissions.ts';

const text = z.string();

const inventoryItem = z
  .object({
    kind: text,
    namespace: text.describe('Empty for Namespaces.'),
    name: text,
    state: z
      .enum(['used', 'refused', 'elsewhere', 'ignored'])
      .describe('`elsewhere`: the hub has an object of this kind and name, which is used in its place.'),
    detail: text.describe('Why it is not used, or what is wrong with it.'),
    status: z.unknown().optional().describe('What the agent writes into its `status`.'),
  })
  .meta({ id: 'InventoryItem' });

const clusterInventory = z
  .object({
    cluster: text,
    live: z.boolean().describe('False: this is what the agent told last; it is away.'),
    awaitedSince: text
      .optional()
      .describe(
        'Since then the first whole inventory is waited for; the agent keeps its snapshot meanwhile.',
      ),
    counts: z.record(text, z.number()).describe('What was found and can be used, by kind.'),
    items: z.array(inventoryItem),
  })
  .meta({ id: 'ClusterInventory' });

export const INVENTORY_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    id: 'clusterInventory',
    method: 'GET',
    path: '/v1/clusters/{namespace}/{name}/inventory',
    tag: 'clusters',
    summary:
      'What the agent of a cluster found in Kubernetes, what became of it, and what is not used and why.',
    access: { kind: 'namespace', action: 'Cluster.read' },
    query: z.strictObject({
      kind: z.enum(INVENTORY_KINDS).optional().describe('Only objects of this kind.'),
    }),
    replies: { 200: { description: 'the inventory', schema: clusterInventory } },
    handle: async ({ params, query, principal }, { services }) => {
      const key = `${params.namespace ?? ''}/${params.name ?? ''}`;
      const found = services.inventories.inventory(key);
      if (found === undefined)
        throw new PortolanError(
          'NOT_FOUND',
          `the agent of Cluster ${key} has told of no Kubernetes objects`,
          {
            fix: 'Let the agent look into Kubernetes (`kubernetes.enabled` in its configuration), and wait until it is connected.',
          },
        );
      const items = found.items.filter(
        (item) =>
          (query.kind === undefined || item.kind === query.kind) &&
          may(principal.bindings, 'Gateway.read', item.kind === 'Namespace' ? item.name : item.namespace),
      );
      return { status: 200, json: { ...found, items: [...items] } };
    },
  }),
];
