import { describe, expect, it } from 'vitest';
import {
  type Batch,
  type ProviderClock,
  ProviderError,
  type ProviderFailure,
  type ZoneContent,
} from '../../providers/contract.ts';
import { parseStamp } from '../../src/plan/fence.ts';
import { planZone } from '../../src/plan/plan-zone.ts';
import { type RecordSet, type SetChange, sameSet, setKey } from '../../src/plan/record-set.ts';
import { APEX, at, OWNER, input as planInput, set, txt, wanted } from '../../src/plan/testing/zone.ts';
import { txtText } from '../../src/plan/txt-value.ts';
import { containing } from '../../test/support/matchers.ts';
import { type EnactInput, enact } from './enactor.ts';

type Preconditions = 'atomic' | 'per-set' | 'none';
/** What one request meets: a failure (before anything is done, or after), or something else that happens before it. */
type Event = ProviderFailure | 'lost' | (() => void) | ProviderError;

const ZONE = { origin: at(''), id: 'Z1', private: false, nameServers: [] };
const STEPS = { maxChanges: 7, maxOctets: 10_000, cost: () => ({ changes: 1, octets: 1 }) };
const NAMES = ['a', 'b', 'c'].map((label) => wanted(label, [set(label, 'A', '192.0.2.1')]));

/** A zone that does what is told, request by request. */
function world(
  preconditions: Preconditions,
  events: readonly Event[] = [],
  reads: readonly ProviderFailure[] = [],
) {
  const sets = new Map<string, RecordSet>(APEX.map((one) => [setKey(one), one]));
  const sent: Batch[] = [];
  const waits: number[] = [];
  let nowMs = 0;
  const [script, readScript] = [[...events], [...reads]];
  const clock: ProviderClock = {
    monotonicMs: () => nowMs,
    wallMs: () => nowMs,
    wait(delayMs) {
      waits.push(delayMs);
      nowMs += delayMs;
      return Promise.resolve();
    },
  };
  const write = ({ before, after }: SetChange): void => {
    if (before !== undefined) sets.delete(setKey(before));
    if (after !== undefined) sets.set(setKey(after), after);
  };
  const check = ({ before, after }: SetChange): void => {
    const there = sets.get(setKey(before ?? after));
    const same = before === undefined ? there === undefined : there !== undefined && sameSet(there, before);
    if (!same) throw new ProviderError('conflict', 'not as read');
  };
  const content = (): ZoneContent => ({ sets: [...sets.values()], tokens: new Map() });
  const counts = { reads: 0 };
  const provider: EnactInput['provider'] = {
    read() {
      counts.reads += 1;
      const failure = readScript.shift();
      if (failure !== undefined) return Promise.reject(new ProviderError(failure, `read: ${failure}`));
      return Promise.resolve(content());
    },
    apply(_zone, batch) {
      sent.push(batch);
      const event = script.shift();
      if (event instanceof ProviderError) return Promise.reject(event);
      if (typeof event === 'string' && event !== 'lost')
        return Promise.reject(new ProviderError(event, `said ${event}`));
      if (typeof event === 'function') event();
      const changes = [
        ...(batch.fence === undefined ? [] : [batch.fence]),
        ...batch.groups.flatMap((group) => group.changes),
      ];
      const bad = batch.groups.find((group) =>
        group.changes.some(({ after }) => after?.values.includes('bad') === true),
      );
      return Promise.resolve().then(() => {
        if (preconditions === 'atomic') changes.forEach(check);
        if (bad !== undefined)
          throw new ProviderError('invalid', `${bad.name} has a bad value`, { fix: 'Use a good one.' });
        for (const change of changes) {
          if (preconditions === 'per-set') check(change);
          write(change);
        }
        if (event === 'lost') throw new ProviderError('ambiguous', 'no answer');
      });
    },
  };
  const run = (more: Partial<EnactInput> = {}, desired = NAMES) => {
    const known = more.content ?? content();
    return enact({
      provider,
      capabilities: { preconditions, batch: STEPS },
      zone: ZONE,
      plan: planZone(planInput(known.sets, desired)),
      content: known,
      clock,
      random: () => 0.5,
      signal: new AbortController().signal,
      isNewest: () => true,
      ...more,
    });
  };
  const stamps = () => sent.map(({ fence }) => parseStamp(txtText(fence?.after?.values[0] ?? '') ?? '').step);
  return { run, sets, sent, waits, clock, stamps, counts, content };
}

describe('a plan is sent', () => {
  it('request by request, each with the fence that replaces the one before; the zone is known after without a read', async () => {
    const w = world('atomic');
    const done = await w.run();
    expect(done).toMatchObject({
      end: 'applied',
      held: [],
      requests: 1,
      replan: false,
      stamp: { epoch: 3, generation: 7, step: 0 },
    });
    expect(w.counts.reads).toBe(0);
    expect(new Set(done.content?.sets)).toEqual(new Set(w.sets.values()));
    const small = world('atomic');
    const inTwo = await small.run({
      capabilities: { preconditions: 'atomic', batch: { ...STEPS, maxChanges: 5 } },
    });
    expect(inTwo).toMatchObject({ end: 'applied', requests: 2 });
    expect(small.stamps()).toEqual([0, 1]);
    expect(small.sent[1]?.fence?.before).toEqual(small.sent[0]?.fence?.after);
  });

  it('not at all when there is nothing to do', async () => {
    const w = world('atomic');
    expect(await w.run({}, [])).toMatchObject({ end: 'applied', requests: 0 });
  });

  it('again after throttling, not before the provider allows, with full jitter on top', async () => {
    const w = world('atomic', [
      new ProviderError('throttled', 'slow', { retryAfterMs: 7_000 }),
      'throttled',
      'busy',
      'transient',
    ]);
    expect(await w.run()).toMatchObject({ end: 'applied', requests: 5 });
    // Half of 500 ms, doubled each time.
    expect(w.waits).toEqual([7_250, 500, 1_000, 2_000]);
    expect(w.stamps()).toEqual([0, 0, 0, 0, 0]);
  });

  it('until time is over', async () => {
    const w = world('atomic', Array<Event>(100).fill('throttled'));
    const done = await w.run({ untilMs: 30_000 });
    expect(done).toMatchObject({ end: 'unavailable', failure: { failure: 'throttled' }, applied: [] });
    expect(w.clock.monotonicMs()).toBeLessThanOrEqual(30_000);
    expect(done.content).toBeDefined();
  });

  it('no further when a newer plan is there, or the hub ends', async () => {
    const w = world('atomic');
    const done = await w.run({
      capabilities: { preconditions: 'atomic', batch: { ...STEPS, maxChanges: 5 } },
      isNewest: () => w.sent.length === 0,
    });
    expect(done).toMatchObject({ end: 'overtaken', requests: 1, replan: true });
    expect(done.applied.map((group) => group.name)).toEqual(['a', 'b'].map(at));
    expect(new Set(done.content?.sets)).toEqual(new Set(w.sets.values()));
    const ended = new AbortController();
    const other = world('atomic', [() => ended.abort()]);
    expect(await other.run({ signal: ended.signal })).toMatchObject({ end: 'applied' });
    expect(
      await other.run({ signal: ended.signal, content: { sets: APEX, tokens: new Map() } }),
    ).toMatchObject({ end: 'stopped', requests: 0 });
  });
});

describe('a lost answer', () => {
  it('of what was applied is not applied twice', async () => {
    const w = world('atomic', ['lost']);
    expect(await w.run()).toMatchObject({ end: 'applied', requests: 1 });
    expect(w.counts.reads).toBe(1);
  });

  it('of what was not applied is not lost', async () => {
    const w = world('atomic', ['ambiguous', 'ambiguous']);
    expect(await w.run()).toMatchObject({ end: 'applied', requests: 3 });
    expect(w.stamps()).toEqual([0, 0, 0]);
  });

  it('of a request that arrives late is recognised by its stamp', async () => {
    const w = world('atomic', [
      'ambiguous',
      () => {
        // The first request arrives after the second was sent.
        for (const { before, after } of [
          w.sent[0]?.fence,
          ...(w.sent[0]?.groups.flatMap((g) => g.changes) ?? []),
        ].flatMap((c) => c ?? [])) {
          if (before !== undefined) w.sets.delete(setKey(before));
          if (after !== undefined) w.sets.set(setKey(after), after);
        }
      },
    ]);
    expect(await w.run()).toMatchObject({ end: 'applied', requests: 2 });
  });

  it('while the zone cannot be read leaves it unknown', async () => {
    const w = world('atomic', ['lost'], Array<ProviderFailure>(50).fill('transient'));
    expect(await w.run({ untilMs: 10_000 })).toMatchObject({ end: 'unavailable', content: undefined });
  });

  it.each<Preconditions>(['per-set', 'none'])(
    'is settled by the records where the fence cannot say (%s)',
    async (preconditions) => {
      const w = world(preconditions, ['lost', 'ambiguous']);
      const done = await w.run({ readAtMs: 0 });
      expect(done).toMatchObject({ end: 'applied', differences: [] });
      expect(w.sets.get(`${at('a')} A `)?.values).toEqual(['192.0.2.1']);
    },
  );
});

describe('another writer', () => {
  const fence = (stamp: string): RecordSet => txt(`${OWNER}._fence._portolan`, stamp);

  it('I2 with a newer epoch ends it before anything is sent', async () => {
    const w = world('atomic');
    w.sets.set('fence', fence('4.1.0.0123456789abcdef'));
    expect(await w.run()).toMatchObject({
      end: 'superseded',
      requests: 0,
      failure: { code: 'PROVIDER_SUPERSEDED', message: containing('epoch 4') },
    });
  });

  it.each<Preconditions>(['atomic', 'per-set'])(
    'I2 that took over after the zone was read is noticed by the fence (%s)',
    async (preconditions) => {
      const w = world(preconditions, [() => w.sets.set(setKey(fence('')), fence('4.1.0.0123456789abcdef'))]);
      const done = await w.run({ readAtMs: 0 });
      expect(done).toMatchObject({ end: 'superseded', applied: [] });
      expect([...w.sets.keys()].filter((key) => key.includes(' A '))).toEqual([]);
    },
  );

  it('I2 that took over is noticed before writing where nothing is checked, if the zone was not just read', async () => {
    const w = world('none');
    const content = w.content();
    w.sets.set(setKey(fence('')), fence('4.1.0.0123456789abcdef'));
    expect(await w.run({ content })).toMatchObject({ end: 'superseded', requests: 0 });
  });

  it('I1 of our own epoch with a later generation means that this plan is old', async () => {
    const w = world('atomic');
    w.sets.set(setKey(fence('')), fence('3.8.0.0123456789abcdef'));
    expect(await w.run()).toMatchObject({ end: 'overtaken', requests: 0, failure: undefined });
  });

  it('that edits a record which is to be replaced makes a new plan necessary; its record stays', async () => {
    const theirs = set('a', 'A', '203.0.113.1');
    const w = world('atomic', [() => w.sets.set(setKey(theirs), theirs)]);
    const done = await w.run();
    expect(done).toMatchObject({ end: 'conflict', replan: true, applied: [] });
    expect(done.content?.sets).toContainEqual(theirs);
    expect(planZone(planInput(done.content?.sets ?? [], NAMES)).held).toMatchObject([
      { name: at('a'), code: 'RECORDS_FOREIGN' },
    ]);
  });

  it('that takes a name between our marker and our record gets it whole, set by set', async () => {
    const theirs = set('a', 'A', '203.0.113.1');
    const w = world('per-set', [() => w.sets.set(setKey(theirs), theirs)]);
    const done = await w.run({ readAtMs: 0 });
    expect(done).toMatchObject({ end: 'conflict', replan: true });
    expect([...w.sets.values()]).toContainEqual(theirs);
    expect([...w.sets.keys()].filter((key) => key.startsWith('a._owner'))).toEqual([]);
  });

  it('is found by reading again where nothing is checked', async () => {
    const w = world('none', []);
    const run = w.run({
      readAtMs: 0,
      provider: {
        read: () =>
          Promise.resolve({
            ...w.content(),
            sets: w
              .content()
              .sets.map((one) => (one.name === at('b') ? { ...one, values: ['203.0.113.1'] } : one)),
          }),
        apply: (_zone, batch) => {
          for (const { after } of batch.groups.flatMap((group) => group.changes))
            if (after !== undefined) w.sets.set(setKey(after), after);
          return Promise.resolve();
        },
      },
    });
    expect(await run).toMatchObject({ end: 'applied', replan: true, differences: [at('b')] });
  });
});

describe('a record that is refused', () => {
  const withBad = (count: number, ...bad: readonly number[]) =>
    Array.from({ length: count }, (_, i) =>
      wanted(`n${i}`, [set(`n${i}`, 'A', bad.includes(i) ? 'bad' : '192.0.2.1')]),
    );
  const wide = { maxChanges: 1000, maxOctets: 10_000, cost: STEPS.cost };

  it.each<Preconditions>(['atomic', 'per-set', 'none'])(
    'holds up no other one, though nobody says which it is (%s)',
    async (preconditions) => {
      const w = world(preconditions);
      const done = await w.run(
        { capabilities: { preconditions, batch: wide }, readAtMs: 0 },
        withBad(16, 5, 11),
      );
      expect(done.end).toBe('applied');
      expect(done.held).toMatchObject(
        [11, 5].map((i) => ({ name: at(`n${i}`), code: 'PROVIDER_REFUSED', fix: 'Use a good one.' })),
      );
      const published = [...w.sets.values()].filter((one) => one.type === 'A').map((one) => one.name);
      expect(new Set(published)).toEqual(
        new Set(
          Array.from({ length: 16 }, (_, i) => at(`n${i}`)).filter(
            (name) => name !== at('n5') && name !== at('n11'),
          ),
        ),
      );
      // Halves, not one by one.
      expect(done.requests).toBeLessThanOrEqual(16);
    },
  );

  it('is taken out at once when the provider names it', async () => {
    const w = world('atomic', [new ProviderError('invalid', 'no', { group: at('n5') })]);
    const done = await w.run({ capabilities: { preconditions: 'atomic', batch: wide } }, withBad(16, 5));
    expect(done).toMatchObject({ end: 'applied', requests: 2, held: [{ name: at('n5') }] });
    // Another content has another stamp.
    expect(w.stamps()).toEqual([0, 1]);
  });

  it('for being of a kind that the provider does not have is held as such', async () => {
    const w = world('atomic', ['unsupported']);
    expect(await w.run({}, withBad(1))).toMatchObject({
      end: 'applied',
      held: [{ code: 'PROVIDER_UNSUPPORTED' }],
    });
  });

  it('with credentials that were revoked midway ends everything, and what was applied is known', async () => {
    for (const failure of ['denied', 'gone'] as const) {
      const w = world('atomic', [() => undefined, failure]);
      const done = await w.run({
        capabilities: { preconditions: 'atomic', batch: { ...STEPS, maxChanges: 3 } },
      });
      expect(done).toMatchObject({ end: 'failed', requests: 2, failure: { failure } });
      expect(done.applied).toHaveLength(1);
    }
  });
});
