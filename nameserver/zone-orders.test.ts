import { expect, it, vi } from 'vitest';
import { ORIGIN, zoneOf } from './testing/transfer-world.ts';
import { ZoneOrders } from './zone-orders.ts';

const zone = zoneOf(1, [
  { name: 'b', type: 'A', data: ['192.0.2.1'] },
  { name: 'a', type: 'A', data: ['192.0.2.2'] },
  { name: 'sub', type: 'NS', data: ['ns.sub.example.test.'] },
  { name: 'ns.sub', type: 'A', data: ['192.0.2.3'] },
]);
const nothing = () => Promise.resolve();

it('gives the names in canonical order, and those below delegations apart', async () => {
  expect(await new ZoneOrders(nothing).of(zone, {})).toEqual({
    names: [ORIGIN, 'a.example.test.', 'b.example.test.', 'sub.example.test.'],
    glue: ['ns.sub.example.test.'],
  });
});

it('makes the order of a version once for all who copy it, and forgets it with the last of them', async () => {
  const orders = new ZoneOrders(nothing);
  const values = vi.spyOn(zone.nodes, 'values');
  const users = [{}, {}, {}] as const;
  const [first, second] = await Promise.all([orders.of(zone, users[0]), orders.of(zone, users[1])]);
  expect(second).toBe(first);
  expect(values).toHaveBeenCalledTimes(1); // with three copies three times without sharing
  orders.release(users[0]);
  expect(await orders.of(zone, users[2])).toBe(first);
  orders.release(users[1]);
  expect(orders.size).toBe(1);
  orders.release(users[2]);
  expect(orders.size).toBe(0);
  orders.release(users[2]);
  values.mockRestore();
});
