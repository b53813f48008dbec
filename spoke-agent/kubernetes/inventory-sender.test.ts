import { describe, expect, it } from 'vitest';
import type { InventoryKey } from '../../src/inventory/contract.ts';
import type { Inventory } from '../../src/protocol/generated/portolan_pb.js';
import { createInventorySender } from './inventory-sender.ts';
import type { InventorySet } from './inventory-set.ts';

/** A set that is changed by hand, a clock that is, and a stream that may be full. */
function bench() {
  const contents = new Map<InventoryKey, string>();
  const touched = new Map<InventoryKey, string | undefined>();
  const set: InventorySet = {
    contents,
    problems: [],
    touch: () => undefined,
    touchKind: () => undefined,
    changes() {
      const found = new Map(touched);
      touched.clear();
      return found;
    },
  };
  const tasks: { readonly atMs: number; readonly task: () => void }[] = [];
  const world = { nowMs: 0, complete: true, full: false, facts: '{}' };
  const sent: Inventory[] = [];
  const sender = createInventorySender({
    session: 's',
    set,
    isComplete: () => world.complete,
    facts: () => world.facts,
    send(message) {
      if (!world.full) sent.push(message);
      return !world.full;
    },
    after(delayMs, task) {
      const one = { atMs: world.nowMs + delayMs, task };
      tasks.push(one);
      return () => void tasks.splice(tasks.indexOf(one), 1);
    },
  });
  return {
    sender,
    world,
    sent,
    put(key: InventoryKey, content: string | undefined) {
      if (content === undefined) contents.delete(key);
      else contents.set(key, content);
      touched.set(key, content);
      sender.changed();
    },
    run(ms: number) {
      world.nowMs += ms;
      for (let i = 0; i < tasks.length; ) {
        const [due] = (tasks[i]?.atMs ?? 0) <= world.nowMs ? tasks.splice(i, 1) : [];
        if (due === undefined) i += 1;
        else due.task();
      }
    },
    /** Messages since the last look, in short. */
    said: () =>
      sent.splice(0).map((m) => ({
        sequence: Number(m.sequence),
        complete: m.complete,
        keys: m.changed.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`),
        removed: m.removed,
      })),
  };
}

describe('the way of an inventory to the hub', () => {
  it('says nothing before the whole cluster was seen, then all of it, and then what changes', () => {
    const at = bench();
    at.world.complete = false;
    at.sender.streamOpened();
    at.put('Service a/one', '1');
    at.run(100);
    expect(at.said()).toEqual([]);
    at.world.complete = true;
    at.sender.changed();
    at.run(100);
    expect(at.said()).toEqual([{ sequence: 1, complete: true, keys: ['Service a/one'], removed: [] }]);
    at.put('Service a/two', '2');
    at.put('Service a/one', undefined);
    at.run(100);
    expect(at.said()).toEqual([
      { sequence: 2, complete: true, keys: ['Service a/two'], removed: ['Service a/one'] },
    ]);
  });

  it('a first set of several messages is complete with the last of them', () => {
    const at = bench();
    const large = 'x'.repeat(400_000);
    for (const name of ['one', 'two', 'three', 'four'] as const) at.put(`Service a/${name}`, large);
    at.sender.streamOpened();
    at.run(100);
    const said = at.said();
    expect(said.length).toBeGreaterThan(1);
    expect(said.map(({ complete }) => complete)).toEqual(said.map((_, i) => i === said.length - 1));
    expect(said.flatMap(({ keys }) => keys)).toHaveLength(4);
  });

  it('an empty cluster is complete too', () => {
    const at = bench();
    at.sender.streamOpened();
    at.run(100);
    expect(at.said()).toEqual([{ sequence: 1, complete: true, keys: [], removed: [] }]);
  });

  it('while the stream is full, changes of an object become one, and what came and went is never said', () => {
    const at = bench();
    at.sender.streamOpened();
    at.run(100);
    at.said();
    at.world.full = true;
    at.put('Service a/one', '1');
    at.run(100);
    at.put('Service a/one', '2');
    at.put('Service a/gone', '1');
    at.run(100);
    at.put('Service a/gone', undefined);
    at.run(100);
    at.world.full = false;
    at.run(100);
    expect(at.said()).toEqual([{ sequence: 2, complete: true, keys: ['Service a/one'], removed: [] }]);
  });

  it('a new stream begins anew, with its own numbers', () => {
    const at = bench();
    at.put('Service a/one', '1');
    at.sender.streamOpened();
    at.run(100);
    at.said();
    at.sender.streamEnded();
    at.put('Service a/one', undefined);
    at.put('Service a/two', '2');
    at.run(100);
    expect(at.said()).toEqual([]);
    at.sender.streamOpened();
    at.run(100);
    expect(at.said()).toEqual([{ sequence: 1, complete: true, keys: ['Service a/two'], removed: [] }]);
  });

  it('facts go when they differ, alone if need be', () => {
    const at = bench();
    at.sender.streamOpened();
    at.run(100);
    expect(at.sent[0]?.facts).toBe('{}');
    at.sender.changed();
    at.run(100);
    expect(at.sent).toHaveLength(1);
    at.world.facts = '{"a":1}';
    at.sender.changed();
    at.run(100);
    expect(at.sent[1]).toMatchObject({ facts: '{"a":1}', complete: true, changed: [] });
  });
});
