import { describe, expect, it } from 'vitest';
import { ProviderError } from '../../providers/contract.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { ZonePlan } from '../../src/plan/zone-plan.ts';
import { matching } from '../../test/support/matchers.ts';
import type { ZoneMemory } from './generations.ts';
import { changeLines, removalLines } from './plan-lines.ts';
import { memoryProvider, memoryStore, wanted, workerFor } from './zone-worker-fixture.ts';

const WWW = 'www.example.com.';
const lines = (plan: ZonePlan | undefined): readonly string[] =>
  plan === undefined
    ? ['nothing is known']
    : changeLines(plan)
        .filter(({ type }) => type === 'A')
        .map(({ change, after }) => `${change} ${after ?? ''}`);
const API = 'api.example.com.';

describe('a zone at a provider', () => {
  it('becomes what is wanted, with one read and one write, and then nothing is asked until it is time to look again', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    await at.want(wanted('www', '192.0.2.1'));
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    expect(provider.calls).toEqual(['zones', 'read', 'apply']);
    await at.clock.pass(250_000);
    expect(provider.calls).toEqual(['zones', 'read', 'apply']);
    await at.clock.pass(100_000);
    expect(provider.calls).toEqual(['zones', 'read', 'apply', 'read']);
    expect(at.worker.state).toMatchObject({ error: undefined, memory: { generation: 1 } });
    await at.worker.close();
  });

  it('is changed by one write and no read when one name is wanted otherwise', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    await at.want(wanted('www', '192.0.2.1'), wanted('api', '192.0.2.2'));
    provider.calls.splice(0);
    await at.want(wanted('www', '192.0.2.9'), wanted('api', '192.0.2.2'));
    expect(provider.calls).toEqual(['apply']);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.9']);
    await at.worker.close();
  });

  it.each([
    ['atomic', ['zones', 'read', 'apply']],
    ['per-set', ['zones', 'read', 'apply', 'read']],
    ['none', ['zones', 'read', 'apply', 'read']],
  ] as const)(
    'keeps its records after a restart of the hub when nothing differs: with "%s" preconditions it asks for %j',
    async (preconditions, calls) => {
      const provider = memoryProvider(preconditions);
      const store = memoryStore();
      const before = workerFor(provider, { store });
      await before.want(wanted('www', '192.0.2.1'));
      await before.worker.close();
      provider.calls.splice(0);
      const after = workerFor(provider, { store, epoch: 2 });
      await after.want(wanted('www', '192.0.2.1'));
      await after.want(wanted('www', '192.0.2.1'));
      // The one write is that of the fence, which keeps others out.
      expect(provider.calls).toEqual(calls);
      expect(after.worker.state.memory.history.map(({ generation }) => generation)).toEqual([1]);
      await after.worker.close();
    },
  );

  it('I2 is not written by a hub that was paused between check and send, though the next one had nothing to change', async () => {
    const provider = memoryProvider();
    const store = memoryStore();
    const old = workerFor(provider, { store, epoch: 1 });
    await old.want(wanted('www', '192.0.2.1'));
    const next = workerFor(provider, { store, epoch: 2 });
    provider.beforeApply = async () => {
      provider.beforeApply = undefined;
      await next.want(wanted('www', '192.0.2.1'));
    };
    await old.want(wanted('www', '192.0.2.3'));
    for (let i = 0; i < 20; i += 1) await old.clock.pass(500);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    expect(old.worker.state.error).toMatchObject({ code: 'PROVIDER_SUPERSEDED' });
    await Promise.all([old.worker.close(), next.worker.close()]);
  });

  it('gets back what somebody else took away, when it is looked at again', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    await at.want(wanted('www', '192.0.2.1'));
    for (const set of [...provider.sets.values()]) if (set.name === WWW) provider.drop(set);
    await at.clock.pass(330_000);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    await at.worker.close();
  });

  it('is not touched while it is not known what is wanted, and stays as it is where that cannot be said', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    at.worker.touch();
    await at.clock.pass(1_000);
    expect(provider.calls).toEqual(['zones', 'read']);
    await at.want(wanted('www', '192.0.2.1'));
    const unknown = wanted('www', '192.0.2.2');
    await at.want({ ...unknown, desired: { ...unknown.desired, sets: undefined } });
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    await at.worker.close();
  });

  it('I2 is written by nobody who does not lead', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    at.leads = false;
    await at.want(wanted('www', '192.0.2.1'));
    expect(provider.calls).toEqual(['zones', 'read']);
    expect(provider.sets.size).toBe(0);
    await at.worker.close();
  });

  it('I2 lost between the plan and the write is not written, and the next hub is not overwritten', async () => {
    const provider = memoryProvider();
    const store = memoryStore();
    const old = workerFor(provider, { store, epoch: 1 });
    await old.want(wanted('www', '192.0.2.1'));
    const next = workerFor(provider, { store, epoch: 2 });
    // The new hub writes while the old one is paused between check and send.
    provider.beforeApply = async () => {
      provider.beforeApply = undefined;
      await next.want(wanted('www', '192.0.2.2'));
    };
    await old.want(wanted('www', '192.0.2.3'));
    for (let i = 0; i < 20; i += 1) await old.clock.pass(500);
    expect(provider.beforeApply).toBeUndefined();
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.2']);
    expect(old.worker.state.error).toMatchObject({ code: 'PROVIDER_SUPERSEDED' });
    await Promise.all([old.worker.close(), next.worker.close()]);
  });

  it('I2 is not written any further once the lead is lost between two requests', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    provider.beforeApply = () => {
      at.leads = false;
    };
    // More than one request holds.
    await at.want(...Array.from({ length: 100 }, (_, i) => wanted(`n${i}`, '192.0.2.1')));
    for (let i = 0; i < 20; i += 1) await at.clock.pass(500);
    expect(provider.calls.filter((call) => call === 'apply')).toHaveLength(1);
    await at.worker.close();
  });

  it('is left alone when the store does not answer, and goes on when it does', async () => {
    const provider = memoryProvider();
    const store = memoryStore();
    const at = workerFor(provider, { store });
    await at.want(wanted('www', '192.0.2.1'));
    store.fail(new PortolanError('STORE_UNAVAILABLE', 'the store is away'));
    await at.want(wanted('www', '192.0.2.2'));
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    expect(at.worker.state.error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    store.fail(undefined);
    await at.clock.pass(5_000);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.2']);
    expect(at.worker.state.error).toBeUndefined();
    await at.worker.close();
  });

  it.each([
    ['denied', 'PROVIDER_DENIED'],
    ['transient', 'PROVIDER_UNAVAILABLE'],
    ['throttled', 'PROVIDER_UNAVAILABLE'],
  ] as const)('says %s as %s, and is read again later', async (failure, code) => {
    const provider = memoryProvider();
    provider.failures.push({ operation: 'read', error: new ProviderError(failure, 'no') });
    const at = workerFor(provider);
    await at.want(wanted('www', '192.0.2.1'));
    expect(at.worker.state.error).toMatchObject({ code });
    expect(provider.sets.size).toBe(0);
    await at.clock.pass(61_000);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    await at.worker.close();
  });

  it('that was deleted is missing, and is written anew when it is there again', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    provider.exists = false;
    await at.want(wanted('www', '192.0.2.1'));
    expect(at.worker.state.error).toMatchObject({
      code: 'PROVIDER_ZONE_MISSING',
      fix: matching(/zone list/),
    });
    provider.exists = true;
    await at.clock.pass(61_000);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    await at.worker.close();
  });

  it('takes all names but the one whose record is refused, which is not sent again as long as it is the same', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    await at.want(wanted('api', '192.0.2.1'));
    const bad = new ProviderError('invalid', 'no such record', { group: wanted('www').desired.name });
    provider.failures.push({ operation: 'apply', error: bad });
    await at.want(wanted('api', '192.0.2.2'), wanted('www', '192.0.2.3'));
    expect(provider.valuesOf(API)).toEqual(['192.0.2.2']);
    expect(provider.valuesOf(WWW)).toEqual([]);
    expect(at.worker.state.held).toEqual([expect.objectContaining({ name: WWW, code: 'PROVIDER_REFUSED' })]);
    provider.calls.splice(0);
    at.worker.touch();
    await at.clock.pass(10_000);
    expect(provider.calls).toEqual([]);
    await at.want(wanted('api', '192.0.2.2'), wanted('www', '192.0.2.4'));
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.4']);
    expect(at.worker.state.held).toEqual([]);
    await at.worker.close();
  });

  it('tries a refused record again by itself, with longer and longer pauses, and at once when it is told to', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    const refuse = (times: number): void => {
      for (let i = 0; i < times; i += 1)
        provider.failures.push({
          operation: 'apply',
          error: new ProviderError('invalid', 'LUA is not enabled', { group: wanted('www').desired.name }),
        });
    };
    const tries = (): number => provider.calls.filter((call) => call === 'apply').length;
    refuse(1_000);
    await at.want(wanted('www', '192.0.2.3'));
    expect(at.worker.state.held).toMatchObject([{ name: WWW, code: 'PROVIDER_REFUSED' }]);
    expect(at.worker.state.held[0]?.fix).toContain('`portolan provider check shop/main`');
    const first = tries();
    await at.clock.pass(10_000);
    expect(tries()).toBe(first);
    for (let i = 0; i < 6; i += 1) await at.clock.pass(1_000);
    expect(tries()).toBe(first + 1);
    for (let i = 0; i < 3_600; i += 10) await at.clock.pass(10_000);
    expect(tries()).toBeGreaterThan(first + 10);
    expect(tries()).toBeLessThan(first + 30);
    // A refused try is no generation that a rollback could bring back.
    expect(at.worker.state.memory).toMatchObject({ generation: 0, history: [] });
    const before = tries();
    provider.failures.splice(0);
    at.worker.retry();
    await at.clock.pass(1);
    expect(tries()).toBe(before + 1);
    expect(at.worker.state.memory.history).toHaveLength(1);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.3']);
    expect(at.worker.state.held).toEqual([]);
    await at.worker.close();
  });

  it('I17 has the newest plan win: what was wanted meanwhile is written, and nothing of what was between', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    await at.want(wanted('www', '192.0.2.1'));
    provider.failures.push({ operation: 'apply', error: new ProviderError('transient', 'later') });
    for (let i = 2; i < 50; i += 1) void at.want(wanted('www', `192.0.2.${i}`));
    await at.clock.pass(10_000);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.49']);
    expect(provider.calls.filter((call) => call === 'apply').length).toBeLessThanOrEqual(4);
    await at.worker.close();
  });

  it('I17 has the newest plan win in the middle of a long one: the rest of the old one is not sent', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    const all = (value: string) => Array.from({ length: 150 }, (_, i) => wanted(`n${i}`, value));
    provider.beforeApply = () => {
      provider.beforeApply = undefined;
      void at.want(...all('192.0.2.2'));
    };
    await at.want(...all('192.0.2.1'));
    for (let i = 0; i < 20; i += 1) await at.clock.pass(500);
    expect(provider.valuesOf('n0.example.com.')).toEqual(['192.0.2.2']);
    expect(provider.valuesOf('n149.example.com.')).toEqual(['192.0.2.2']);
    // The old plan in full is four requests, and the new one on top of it two.
    expect(provider.calls.filter((call) => call === 'apply').length).toBeLessThan(6);
    await at.worker.close();
  });

  it('that is frozen has a plan, and is not written', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider, { spec: { frozen: true } });
    await at.want(wanted('www', '192.0.2.1'));
    expect(provider.calls).toEqual(['zones', 'read']);
    expect(at.worker.state.plan?.groups.map((group) => group.name)).toEqual([WWW]);
    await at.worker.close();
  });

  it('goes back to an earlier generation as a new one, holds it whatever is wanted, and follows again after', async () => {
    const provider = memoryProvider();
    const store = memoryStore();
    const at = workerFor(provider, { store });
    await at.want(wanted('www', '192.0.2.1'));
    await at.want(wanted('www', '192.0.2.2'));
    await at.worker.remember((memory) => ({ ...memory, heldAtGeneration: 1 }));
    at.worker.retry();
    await at.clock.pass(1);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    await at.want(wanted('www', '192.0.2.3'));
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    expect(at.worker.state.memory).toMatchObject({ generation: 3, heldAtGeneration: 1 });
    await at.worker.close();
    // A restart holds it, too.
    const again = workerFor(provider, { store, epoch: 2 });
    await again.want(wanted('www', '192.0.2.3'));
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    await again.worker.remember(({ heldAtGeneration: _held, ...memory }) => memory);
    again.worker.retry();
    await again.clock.pass(1);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.3']);
    await again.worker.close();
  });

  it('held by a rollback says what is wanted otherwise, and what its end or another rollback would write, without writing', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    await at.want(wanted('www', '192.0.2.1'), wanted('api', '192.0.2.7'));
    await at.want(wanted('www', '192.0.2.2'), wanted('api', '192.0.2.7'));
    const back = (memory: ZoneMemory): ZoneMemory => ({ ...memory, heldAtGeneration: 1 });
    expect(lines(await at.worker.planAfter(back))).toEqual(['update 30 192.0.2.1']);
    expect(at.worker.state.heldBack.size).toBe(0);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.2']);
    await at.worker.remember(back);
    at.worker.retry();
    await at.clock.pass(1);
    expect([...at.worker.state.heldBack]).toEqual([WWW]);
    const resume = ({ heldAtGeneration: _held, ...memory }: ZoneMemory): ZoneMemory => memory;
    expect(lines(await at.worker.planAfter(resume))).toEqual(['update 30 192.0.2.2']);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    expect(at.worker.state.memory.heldAtGeneration).toBe(1);
    // What is wanted is what is held: nobody has to know of the hold.
    await at.want(wanted('www', '192.0.2.1'), wanted('api', '192.0.2.7'));
    expect(at.worker.state.heldBack.size).toBe(0);
    await at.worker.close();
  });

  it('that waits for approval says what would go, and what to type, with the names of provider and zone', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    const names = Array.from({ length: 10 }, (_, i) => wanted(`n${i}`, '192.0.2.1'));
    await at.want(...names);
    await at.want(...names.slice(0, 8), wanted('n9', '192.0.2.2'));
    expect(at.worker.state.plan?.waitsForApproval).toBeUndefined();
    await at.want(...names.slice(0, 2));
    const { plan } = at.worker.state;
    const hash = plan?.hash ?? '';
    const typed = `\`portolan provider approve shop/main --zone example.com --plan ${hash}\``;
    expect(plan?.waitsForApproval?.fix).toContain(typed);
    expect(at.worker.state.held[0]?.fix).toContain(typed);
    const approved = await at.worker.planAfter((memory) => ({ ...memory, approved: [hash] }));
    const gone = plan === undefined || approved === undefined ? [] : removalLines(plan, approved);
    expect(gone.filter(({ type }) => type === 'A').map(({ change, name }) => `${change} ${name}`)).toEqual(
      [2, 3, 4, 5, 6, 7, 9].map((i) => `delete n${i}.example.com.`),
    );
    await at.worker.close();
  });

  it('is asked for approval when most of its names would go, and lets that plan through once', async () => {
    const provider = memoryProvider();
    const at = workerFor(provider);
    const names = Array.from({ length: 10 }, (_, i) => wanted(`n${i}`, '192.0.2.1'));
    await at.want(...names);
    await at.want(...names.slice(0, 2));
    expect(provider.valuesOf('n9.example.com.')).toEqual(['192.0.2.1']);
    const { plan } = at.worker.state;
    expect(plan?.waitsForApproval?.code).toBe('PLAN_NEEDS_APPROVAL');
    await at.worker.remember((memory) => ({ ...memory, approved: [plan?.hash ?? ''] }));
    at.worker.retry();
    await at.clock.pass(1);
    expect(provider.valuesOf('n9.example.com.')).toEqual([]);
    expect(provider.valuesOf('n1.example.com.')).toEqual(['192.0.2.1']);
    expect(at.worker.state.memory.approved).toEqual([]);
    await at.worker.close();
  });

  it('that checks nothing is read again after each write, and once more when another hub may have written last', async () => {
    const provider = memoryProvider('none');
    const at = workerFor(provider);
    await at.want(wanted('www', '192.0.2.1'));
    expect(provider.calls).toEqual(['zones', 'read', 'apply', 'read']);
    provider.put({
      name: wanted('www').desired.name,
      type: 'A',
      setId: '',
      ttlSeconds: 30,
      values: ['192.0.2.66'],
    });
    await at.clock.pass(20_000);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    await at.worker.close();
  });
});
