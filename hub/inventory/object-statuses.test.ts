import { expect, it } from 'vitest';
import { z } from 'zod';
import { applyInventory } from '../../src/inventory/apply.ts';
import {
  foundGateway,
  foundRoute,
  foundService,
  message,
} from '../../src/inventory/testing/found-objects.ts';
import { NO_GATEWAY, NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { writePieces } from '../gateways/gateway-pieces.ts';
import { NO_OBJECTS } from '../reconcile/objects.ts';
import { foundStatuses } from './object-statuses.ts';

const entry = z.object({
  parentRef: z.looseObject({ name: z.string(), namespace: z.string() }),
  conditions: z.array(
    z.object({
      type: z.string(),
      status: z.string(),
      reason: z.string(),
      message: z.string(),
      lastTransitionTime: z.string(),
    }),
  ),
});
const gateway = entry.pick({ conditions: true });

it("says at every object that a tenant's Cluster does not carry which rule keeps it from being used", async () => {
  const { inventory } = applyInventory(
    undefined,
    message(1, [
      foundGateway('shop', 'edge'),
      foundGateway('bank', 'edge'),
      foundRoute('bank', 'own', 'bank/edge', 'web'),
      foundRoute('bank', 'guest', 'shop/edge', 'web'),
      foundRoute('bank', 'foreign', 'bank/theirs', 'web'),
      foundRoute('shop', 'out', 'bank/edge', 'web'),
      foundService('bank', 'web'),
    ]),
    { namespace: 'shop', refuses: () => undefined },
  );
  const pieces = await writePieces(NO_GATEWAY, undefined, () => Promise.resolve());
  const own = {
    part: NO_GATEWAY,
    pieces,
    secrets: NO_GATEWAY_SECRETS,
    reports: { gateways: [], routes: [], policies: [] },
    problems: new Map(),
    waiting: new Map(),
    found: inventory,
    digest: '',
  };
  const said = (wallMs: number, before = new Map<string, unknown>()) =>
    new Map<string, unknown>(
      [
        ...foundStatuses(
          'shop/k1',
          own,
          inventory,
          { world: { objects: NO_OBJECTS }, agentOf: () => undefined, wallMs },
          {
            status: (kind, name) => before.get(`${kind} ${name}`),
            stands: () => false,
            report: () => undefined,
          },
        ),
      ].map(([{ key, status }]) => [key, status]),
    );
  const first = said(1_790_000_000_000);

  const [accepted, programmed] = gateway.parse(first.get('Gateway bank/edge')).conditions;
  expect(accepted).toMatchObject({
    type: 'Accepted',
    status: 'False',
    reason: 'NamespaceNotCarried',
    message:
      'Cluster shop/k1 of the hub belongs to a tenant and carries the Kubernetes namespace shop alone; only a Cluster in namespace default carries the others: move this Gateway to shop, or let this Kubernetes cluster join in default',
  });
  expect(programmed).toMatchObject({ type: 'Programmed', status: 'False', reason: 'Invalid' });
  const entries = (key: string) =>
    z
      .array(entry)
      .parse(first.get(key))
      .map(({ parentRef, conditions }) => `${parentRef.namespace} ${conditions[0]?.reason}`);
  expect(entries('HTTPRoute bank/own')).toEqual(['bank NamespaceNotCarried']);
  expect(entries('HTTPRoute bank/guest')).toEqual(['shop NamespaceNotCarried']);
  expect(entries('HTTPRoute bank/foreign')).toEqual([]);
  expect(entries('HTTPRoute shop/out')).toEqual(['bank NamespaceNotCarried']);
  expect(first.has('Service bank/web')).toBe(false);
  // Said again later it is the same, times too.
  expect(said(1_790_000_600_000, first).get('HTTPRoute shop/out')).toEqual(first.get('HTTPRoute shop/out'));
  expect(said(1_790_000_600_000, first).get('Gateway bank/edge')).toEqual(first.get('Gateway bank/edge'));
});
