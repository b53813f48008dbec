import { expect } from 'vitest';
import { ProviderError } from '../../../providers/contract.ts';
import { parseType } from '../../../src/dns/types.ts';
import { contentOf, type RecordSet } from '../../../src/plan/record-set.ts';
import { until } from '../../support/until.ts';
import type { BehaviourId } from '../provider-behaviours.ts';
import { isPossible } from '../provider-harness.ts';
import { SAMPLES } from './samples.ts';
import {
  contentsOf,
  fenceChange,
  find,
  groupsFor,
  type ProviderTest,
  plainSet,
  put,
  read,
  removals,
  send,
  soon,
  ttlOf,
} from './world.ts';

/** A bigger one shows nothing more. */
const MAX_SETS = 1000;

export const WRITING: Readonly<Partial<Record<BehaviourId, ProviderTest>>> = {
  'write.types': async (world) => {
    const { unsupportedTypes } = world.harness.kind.capabilities;
    const sets = SAMPLES.filter(({ type }) => !unsupportedTypes.some((other) => other.type === type)).map(
      ({ label, type, values }) => plainSet(world.name(label), type, values),
    );
    expect(sets.length).toBeGreaterThan(8);
    for (const set of sets) await put(world, set);
    const content = await read(world);
    for (const set of sets) expect(find(content, set), `${set.name} ${set.type}`).toEqual(set);
  },

  'write.update': async (world) => {
    const name = world.name();
    const one = plainSet(name, 'A', ['192.0.2.1'], 300);
    const two = plainSet(name, 'A', ['192.0.2.1', '192.0.2.2'], 120);
    const text = plainSet(name, 'TXT', ['"beside it"']);
    await put(world, one, text);
    expect(find(await read(world), one)).toEqual(one);
    await put(world, two);
    expect(find(await read(world), one)).toEqual(two);
    const content = await read(world);
    await send(world, content, removals([two]));
    const after = await read(world);
    expect(after.sets.filter((set) => set.name === name)).toEqual([text]);
  },

  'write.ttl': async (world) => {
    const { minSeconds, maxSeconds } = world.harness.kind.capabilities.ttl;
    expect(minSeconds).toBeLessThan(maxSeconds);
    const least = plainSet(world.name('least'), 'A', ['192.0.2.1'], minSeconds);
    const most = plainSet(world.name('most'), 'A', ['192.0.2.1'], maxSeconds);
    await put(world, least, most);
    const content = await read(world);
    expect([find(content, least), find(content, most)]).toEqual([least, most]);
  },

  'write.unsupported': async (world) => {
    const { unsupportedTypes } = world.harness.kind.capabilities;
    if (unsupportedTypes.length === 0) return world.hole('There is no record type that it cannot write.');
    for (const { type, reason } of unsupportedTypes) {
      expect(reason.length, type).toBeGreaterThan(10);
      const sample = SAMPLES.find((candidate) => candidate.type === type);
      if (sample === undefined) continue;
      const set = plainSet(world.name(sample.label), type, sample.values);
      await expect(put(world, set), type).rejects.toSatisfy(
        (error) =>
          error instanceof ProviderError &&
          (error.failure === 'unsupported' || error.failure === 'invalid') &&
          error.message.includes(type),
      );
      expect(find(await read(world), set)).toBeUndefined();
    }
  },

  'write.answered': async (world) => {
    const { ask } = world.running;
    if (!isPossible(ask)) return world.hole(ask.why);
    const a = plainSet(world.name(), 'A', ['192.0.2.1', '192.0.2.2'], ttlOf(world, 120));
    const mx = plainSet(world.name(), 'MX', ['10 mail.example.net.'], ttlOf(world, 120));
    const wildcard = plainSet(world.name('*'), 'A', ['192.0.2.3'], ttlOf(world, 120));
    await put(world, a, mx, wildcard);
    const answered = async (set: RecordSet, name = set.name) => {
      const reply = await ask(name, set.type);
      expect(reply.message.flags.authoritative).toBe(true);
      const records = reply.answers.filter(({ type }) => type === parseType(set.type));
      expect(records.map(({ data }) => data).sort()).toEqual(set.values);
      for (const { ttlSeconds } of records) expect(ttlSeconds).toBe(set.ttlSeconds);
      return true;
    };
    await until('the records are answered', () => answered(a), 10_000);
    await until('the records are answered', () => answered(mx), 10_000);
    await until('the wildcard is answered', () => answered(wildcard, world.name('any')), 10_000);
    await send(world, await read(world), removals([mx]));
    await until(
      'the deleted set is not',
      async () => (await ask(mx.name, 'MX')).answers.length === 0,
      10_000,
    );
  },

  'write.largestBatch': async (world) => {
    const { cost, maxChanges, maxOctets } = world.harness.kind.capabilities.batch;
    const content = await read(world);
    const fence = fenceChange(world, content);
    const start = fence === undefined ? { changes: 0, octets: 0 } : cost(fence);
    let { changes, octets } = start;
    const sets: RecordSet[] = [];
    while (sets.length < MAX_SETS) {
      const set = plainSet(world.name(`n${sets.length}`), 'A', [`192.0.2.${sets.length % 250}`]);
      const more = cost({ after: set });
      expect(more.changes).toBeGreaterThan(0);
      if (changes + more.changes > maxChanges || octets + more.octets > maxOctets) break;
      changes += more.changes;
      octets += more.octets;
      sets.push(set);
    }
    expect(sets.length).toBeGreaterThan(1);
    await send(world, content, groupsFor(content, sets));
    const names = new Set(sets.map(({ name }) => name));
    const found = contentsOf(await read(world), (set) => names.has(set.name));
    expect(found).toEqual(sets.map(contentOf).sort());
  },

  'write.twice': async (world) => {
    const set = plainSet(world.name(), 'A', ['192.0.2.1']);
    const content = await read(world);
    const fence = fenceChange(world, content);
    const batch = {
      groups: groupsFor(content, [set]),
      tokens: content.tokens,
      ...(fence === undefined ? {} : { fence }),
    };
    await world.provider.apply(world.running.zone, batch, soon());
    const once = contentsOf(await read(world));
    let refused: unknown;
    try {
      await world.provider.apply(world.running.zone, batch, soon());
    } catch (error) {
      refused = error;
    }
    if (refused !== undefined) expect(refused).toMatchObject({ name: 'ProviderError', failure: 'conflict' });
    // Where preconditions are checked, "it must not be there" does not hold any more.
    else expect(world.harness.kind.capabilities.preconditions).toBe('none');
    expect(contentsOf(await read(world))).toEqual(once);
  },
};
