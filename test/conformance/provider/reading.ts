import { expect } from 'vitest';
import { parseName } from '../../../src/dns/name.ts';
import { contentOf } from '../../../src/plan/record-set.ts';
import type { BehaviourId } from '../provider-behaviours.ts';
import { isPossible } from '../provider-harness.ts';
import { SAMPLES } from './samples.ts';
import { contentsOf, find, groupsFor, type ProviderTest, plainSet, read, send, soon } from './world.ts';

/** More than one page of any provider (Route 53: 100 zones, Google: 100, Azure: 100). */
const MANY_ZONES = 120;
/** More than one page of any provider (Route 53: 300 sets, Google and Azure: 100). */
const MANY_SETS = 320;

export const READING: Readonly<Partial<Record<BehaviourId, ProviderTest>>> = {
  'zones.listed': async (world) => {
    const { running, provider } = world;
    const zones = await provider.zones(soon());
    const mine = zones.filter((zone) => zone.id === running.zone.id);
    expect(mine).toEqual([running.zone]);
    if (!isPossible(running.addZones)) return;
    const account = await world.fresh();
    if (!isPossible(account.addZones)) return;
    await account.addZones(MANY_ZONES);
    const all = await (await world.open({}, account)).zones(soon());
    expect(all).toHaveLength(MANY_ZONES + 1);
    expect(new Set(all.map((zone) => zone.id)).size).toBe(MANY_ZONES + 1);
  },

  'read.types': async (world) => {
    const { unsupportedTypes } = world.harness.kind.capabilities;
    const sets = SAMPLES.filter(({ type }) => !unsupportedTypes.some((other) => other.type === type)).map(
      ({ label, type, values }) => plainSet(world.name(label), type, values),
    );
    expect(sets.length).toBeGreaterThan(8);
    for (const set of sets) await world.running.writeForeign(set);
    const content = await read(world);
    for (const set of sets) expect(find(content, set), `${set.name} ${set.type}`).toEqual(set);
    // The zone's own sets are there, too, for the guards to see.
    const apex = content.sets.filter((set) => set.name === world.running.zone.origin);
    expect(apex.map((set) => set.type)).toEqual(expect.arrayContaining(['NS', 'SOA']));
  },

  'read.names': async (world) => {
    const sets = ['*', '*.deep', '_sip._tcp', 'a\\.b', 'under_score', 'x--y'].map((label) =>
      plainSet(parseName(`${label}.${world.name()}`), 'TXT', [`"of ${label.replaceAll('\\', '')}"`]),
    );
    for (const set of sets) await world.running.writeForeign(set);
    const content = await read(world);
    for (const set of sets) expect(find(content, set), set.name).toEqual(set);
  },

  'read.pages': async (world) => {
    const sets = Array.from({ length: MANY_SETS }, (_, i) =>
      plainSet(world.name(`n${i}`), 'A', [`192.0.2.${i % 250}`]),
    );
    const { maxChanges, maxOctets, cost } = world.harness.kind.capabilities.batch;
    let waiting = [...sets];
    while (waiting.length > 0) {
      const content = await read(world);
      let changes = 4;
      let octets = 512; // the fence's share
      const now = waiting.filter((after) => {
        const one = cost({ after });
        changes += one.changes;
        octets += one.octets;
        return changes <= maxChanges && octets <= maxOctets;
      });
      expect(now.length).toBeGreaterThan(0);
      await send(world, content, groupsFor(content, now));
      waiting = waiting.filter((set) => !now.includes(set));
    }
    const mine = new Set(sets.map(({ name }) => name));
    const found = contentsOf(await read(world), (set) => mine.has(set.name));
    expect(found).toEqual(sets.map(contentOf).sort());
  },
};
