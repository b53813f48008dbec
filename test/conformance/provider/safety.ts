import { expect } from 'vitest';
import type { RecordSet } from '../../../src/plan/record-set.ts';
import type { BehaviourId } from '../provider-behaviours.ts';
import { SAMPLES } from './samples.ts';
import {
  contentsOf,
  find,
  groupsFor,
  type ProviderTest,
  plainSet,
  put,
  read,
  removals,
  send,
} from './world.ts';

/** A batch of two sets needs no more requests than this at any provider. */
const MAX_REQUESTS = 24;

export const SAFETY: Readonly<Partial<Record<BehaviourId, ProviderTest>>> = {
  'safe.foreign': async (world) => {
    const { unsupportedTypes } = world.harness.kind.capabilities;
    const foreign = SAMPLES.filter(
      ({ type }) => type !== 'NS' && !unsupportedTypes.some((other) => other.type === type),
    ).map(({ label, type, values }) => plainSet(world.name(label), type, values, 777));
    const mine = world.name('mine');
    // At a name that we write to, of a type that we do not.
    const beside = plainSet(mine, 'TXT', [`"somebody else's"`], 777);
    for (const set of [...foreign, beside]) await world.running.writeForeign(set);
    const isForeign = (set: RecordSet) => set.ttlSeconds === 777;
    const before = contentsOf(await read(world), isForeign);
    expect(before).toHaveLength(foreign.length + 1);

    const a = plainSet(mine, 'A', ['192.0.2.1']);
    await put(world, a);
    await put(world, plainSet(mine, 'A', ['192.0.2.2'], 60));
    const content = await read(world);
    // Somebody edits a record of theirs between our reading and our writing.
    const edited = plainSet(world.name('a'), 'A', ['192.0.2.200'], 778);
    await world.running.writeForeign(edited);
    await send(
      world,
      content,
      removals(content.sets.filter(({ name, type }) => name === mine && type === 'A')),
    );
    const after = await read(world);
    expect(find(after, a)).toBeUndefined();
    expect(find(after, edited)).toEqual(edited);
    expect(contentsOf(after, isForeign)).toEqual(
      before.filter((text) => !text.includes(`"name":"${world.name('a')}"`)),
    );
  },

  'safe.notAsRead': async (world) => {
    const { preconditions, preconditionsWhy } = world.harness.kind.capabilities;
    if (preconditions === 'none') return world.hole(preconditionsWhy);
    const set = plainSet(world.name(), 'A', ['192.0.2.1']);
    await put(world, set);
    const stale = await read(world);
    const theirs = plainSet(world.name(), 'A', ['192.0.2.66']);
    await world.running.writeForeign(theirs);
    const conflict = { name: 'ProviderError', failure: 'conflict' };
    const replaced = groupsFor(stale, [plainSet(world.name(), 'A', ['192.0.2.2'])]);
    await expect(send(world, stale, replaced)).rejects.toMatchObject(conflict);
    await expect(send(world, stale, removals([set]))).rejects.toMatchObject(conflict);
    const created = [{ name: set.name, changes: [{ after: set }] }];
    await expect(send(world, { ...stale, tokens: new Map() }, created)).rejects.toMatchObject(conflict);
    expect(find(await read(world), set)).toEqual(theirs);
  },

  'safe.atomic': async (world) => {
    const { preconditions, preconditionsWhy } = world.harness.kind.capabilities;
    if (preconditions !== 'atomic') return world.hole(preconditionsWhy);
    const fine = plainSet(world.name('fine'), 'A', ['192.0.2.1']);
    const taken = plainSet(world.name('taken'), 'A', ['192.0.2.1']);
    const content = await read(world);
    const theirs = plainSet(taken.name, 'A', ['192.0.2.66']);
    await world.running.writeForeign(theirs);
    await expect(send(world, content, groupsFor(content, [fine, taken]))).rejects.toMatchObject({
      failure: 'conflict',
    });
    const after = await read(world);
    expect(find(after, fine)).toBeUndefined();
    expect(find(after, taken)).toEqual(theirs);
  },

  'safe.fence': async (world) => {
    const { preconditions, staleWriter } = world.harness.kind.capabilities;
    if (preconditions !== 'atomic') return world.hole(staleWriter);
    // A hub that pauses between its check and its write, while the next leader writes.
    await put(world, plainSet(world.name('first'), 'A', ['192.0.2.1']));
    const paused = await read(world);
    await put(world, plainSet(world.name('next'), 'A', ['192.0.2.2']));
    const late = plainSet(world.name('late'), 'A', ['192.0.2.3']);
    await expect(send(world, paused, groupsFor(paused, [late]))).rejects.toMatchObject({
      failure: 'conflict',
    });
    expect(find(await read(world), late)).toBeUndefined();
  },

  'safe.marker': async (world) => {
    const seen = new Set<string>();
    for (let allowed = 0; allowed <= MAX_REQUESTS; allowed += 1) {
      const name = world.name(`c${allowed}`);
      const marker = plainSet(world.name(`c${allowed}._owner`), 'TXT', ['"heritage=portolan"']);
      const record = plainSet(name, 'A', ['192.0.2.1']);
      const content = await read(world);
      let left = allowed;
      // Nothing is sent any more after some requests: what a hub that is killed leaves behind.
      const mortal = await world.open({
        turn: async () => {
          left -= 1;
          if (left < 0) throw new Error('killed');
        },
      });
      let killed = false;
      const groups = [{ name, changes: [{ after: marker }, { after: record }] }];
      await send(world, content, groups, { provider: mortal }).catch(() => {
        killed = true;
      });
      const after = await read(world);
      const state = `${find(after, marker) === undefined ? '' : 'marker '}${find(after, record) === undefined ? '' : 'record'}`;
      expect(['', 'marker ', 'marker record'], `after ${allowed} requests`).toContain(state);
      seen.add(state);
      if (!killed) {
        expect(state).toBe('marker record');
        return;
      }
    }
    expect.unreachable(`the batch never ended: ${[...seen].join(', ')}`);
  },

  'safe.badRecord': async (world) => {
    const good = [
      plainSet(world.name('one'), 'A', ['192.0.2.1']),
      plainSet(world.name('two'), 'A', ['192.0.2.2']),
    ];
    const bad: RecordSet = {
      name: world.name('bad'),
      type: 'A',
      setId: '',
      ttlSeconds: 300,
      values: ['300.0.2.1'],
    };
    const content = await read(world);
    const error: unknown = await send(world, content, groupsFor(content, [...good, bad])).then(
      () => 'applied',
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ name: 'ProviderError', failure: 'invalid' });
    if (typeof error === 'object' && error !== null && 'group' in error && error.group !== undefined) {
      expect(error.group).toBe(bad.name);
    }
    expect(find(await read(world), bad)).toBeUndefined();
    await put(world, ...good);
    const after = await read(world);
    expect(good.map((set) => find(after, set))).toEqual(good);
  },
};
