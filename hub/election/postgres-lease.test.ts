import { describe, expect, it } from 'vitest';
import { PortolanError } from '../../src/errors/error.ts';
import { createPostgresLease } from './postgres-lease.ts';

const LEASE_MS = 10_000;

/** Clock, timers and the one row of a database, all in the test's hands. */
function world() {
  let nowMs = 0;
  let timers: { atMs: number; task: () => void }[] = [];
  let row: { holder: string; term: number; untilMs: number } | undefined;
  let away = false;
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i += 1) await Promise.resolve();
  };
  const query = async (text: string, values: readonly unknown[]) => {
    if (away) throw new PortolanError('STORE_UNAVAILABLE', 'gone');
    const [holder, second, third] = values;
    if (text.startsWith('insert')) {
      if (row !== undefined && row.untilMs >= nowMs) return [];
      row = { holder: String(holder), term: (row?.term ?? 0) + 1, untilMs: nowMs + Number(second) };
      return [{ term: row.term }];
    }
    if (row?.holder !== holder || row?.term !== second || row === undefined) return [];
    if (text.startsWith('update')) row = { ...row, untilMs: nowMs + Number(third) };
    else if (text.startsWith('with')) row = { ...row, untilMs: Number.NEGATIVE_INFINITY };
    else if (row.untilMs <= nowMs) return [];
    return [{ term: row.term }];
  };
  return {
    query,
    hub(incarnation: string) {
      const events: string[] = [];
      const election = createPostgresLease({
        session: { query },
        incarnation,
        leaseMs: LEASE_MS,
        onLead: () => void events.push('lead'),
        onLost: (reason) => void events.push(`lost: ${reason}`),
        clock: {
          monotonicMs: () => nowMs,
          after(delayMs, task) {
            const timer = { atMs: nowMs + delayMs, task };
            timers.push(timer);
            return () => {
              timers = timers.filter((other) => other !== timer);
            };
          },
        },
        log: { warn: () => undefined },
      });
      return { election, events };
    },
    setAway(is: boolean) {
      away = is;
    },
    /** Lets time pass, and everything due happen in its order. */
    async pass(ms: number): Promise<void> {
      const untilMs = nowMs + ms;
      for (;;) {
        await settle();
        const next = timers.toSorted((a, b) => a.atMs - b.atMs)[0];
        if (next === undefined || next.atMs > untilMs) break;
        timers = timers.filter((other) => other !== next);
        nowMs = Math.max(nowMs, next.atMs);
        next.task();
      }
      nowMs = untilMs;
      await settle();
    },
    /** As `pass`, while this process does not run. */
    freeze(ms: number): void {
      nowMs += ms;
    },
  };
}

describe('the lease in PostgreSQL', () => {
  it('is had by one, renewed for ever, and taken by the next when it is given back', async () => {
    const at = world();
    const one = at.hub('one');
    const two = at.hub('two');
    expect([await one.election.attempt(), await two.election.attempt()]).toEqual([true, false]);
    one.election.start();
    two.election.start();
    await at.pass(10 * LEASE_MS);
    expect([one.election.leads, two.election.leads, one.events, two.events]).toEqual([true, false, [], []]);
    await one.election.close();
    two.election.nudge();
    await at.pass(1);
    expect([two.election.leads, two.events, one.events]).toEqual([true, ['lead'], []]);
  });

  it('is lost before its end when it cannot be renewed, and nobody has it before it ended', async () => {
    const at = world();
    const one = at.hub('one');
    await one.election.attempt();
    await one.election.mayLead?.(at.query);
    one.election.start();
    at.setAway(true);
    await at.pass(LEASE_MS * 0.75);
    expect(one.election.leads).toBe(true);
    await at.pass(LEASE_MS * 0.1);
    expect(one.election.leads).toBe(false);
    expect(one.events).toEqual([expect.stringMatching(/^lost: the lease could not be renewed/)]);
    at.setAway(false);
    const two = at.hub('two');
    expect(await two.election.attempt()).toBe(false);
    await at.pass(LEASE_MS * 0.2);
    expect(await two.election.attempt()).toBe(true);
  });

  it('is lost by a process that was stopped for longer, at the first thing it does', async () => {
    const at = world();
    const one = at.hub('one');
    const two = at.hub('two');
    await one.election.attempt();
    await one.election.mayLead?.(at.query);
    one.election.start();
    await at.pass(1_000);
    at.freeze(LEASE_MS * 2);
    expect(await two.election.attempt()).toBe(true);
    await at.pass(0);
    expect(one.events).toHaveLength(1);
    expect(one.election.leads).toBe(false);
  });

  it('is kept by a hub that is held up while it starts, unless another one took it meanwhile', async () => {
    const at = world();
    const one = at.hub('one');
    await one.election.attempt();
    one.election.start();
    at.freeze(LEASE_MS * 2);
    await at.pass(LEASE_MS);
    expect([one.election.leads, one.events]).toEqual([true, []]);
    await expect(one.election.mayLead?.(at.query)).resolves.toBeUndefined();

    const another = world();
    const late = another.hub('late');
    await late.election.attempt();
    late.election.start();
    another.freeze(LEASE_MS * 2);
    await another.hub('two').election.attempt();
    await another.pass(LEASE_MS);
    expect([late.election.leads, late.events]).toEqual([false, ['lost: another hub has the lease']]);
    await expect(late.election.mayLead?.(another.query)).rejects.toMatchObject({ code: 'NOT_LEADER' });
  });

  it('says in the transaction of an epoch whether it is still held', async () => {
    const at = world();
    const one = at.hub('one');
    await one.election.attempt();
    await expect(one.election.mayLead?.(at.query)).resolves.toBeUndefined();
    at.freeze(LEASE_MS + 1);
    await at.hub('two').election.attempt();
    await expect(one.election.mayLead?.(at.query)).rejects.toMatchObject({ code: 'NOT_LEADER' });
  });
});
