import { describe, expect, it } from 'vitest';
import { json, type ScriptedKubeApi, startScriptedKubeApi, status } from '../test/fakes/kube-api.ts';
import { createKubeClient } from './client.ts';
import { createLeaseElection, type LeaseElectionOptions } from './lease.ts';

interface Stored {
  spec: Record<string, unknown>;
  metadata: { name: string; namespace: string; resourceVersion: string };
}

/** One Lease on a real socket; time is the test's. */
async function stage(lease?: Record<string, unknown>) {
  let stored: Stored | undefined = lease && {
    metadata: { name: 'hub', namespace: 'portolan', resourceVersion: '1' },
    spec: lease,
  };
  let refuse: number | undefined;
  let held: Promise<void> | undefined;
  const api: ScriptedKubeApi = await startScriptedKubeApi(async ({ method, body }, response) => {
    await held;
    if (refuse !== undefined) return status(response, refuse, 'refused');
    if (method === 'GET')
      return stored === undefined ? status(response, 404, 'none') : json(response, stored);
    const sent = body as Stored;
    if (method === 'PUT' && sent.metadata.resourceVersion !== stored?.metadata.resourceVersion)
      return status(response, 409, 'changed');
    stored = { ...sent, metadata: { ...sent.metadata, resourceVersion: String(api.requests.length + 1) } };
    json(response, stored);
  });
  let nowMs = 0;
  const timers: { readonly atMs: number; readonly task: () => void }[] = [];
  const changes: boolean[] = [];
  const problems: (string | undefined)[] = [];
  const election = createLeaseElection({
    client: createKubeClient(api.access),
    namespace: 'portolan',
    name: 'hub',
    identity: 'me',
    onChange: (leads) => void changes.push(leads),
    onProblem: (problem) => problems.push(problem),
    monotonicMs: () => nowMs,
    now: () => new Date(Date.UTC(2026, 0, 1) + nowMs),
    after(delayMs, task) {
      const timer = { atMs: nowMs + delayMs, task };
      timers.push(timer);
      return () => {
        if (timers.includes(timer)) timers.splice(timers.indexOf(timer), 1);
      };
    },
    random: () => 0,
  });
  election.start();
  return {
    election,
    changes,
    problems,
    api,
    spec: () => stored?.spec,
    write: (spec: Record<string, unknown>) => {
      stored = {
        metadata: { name: 'hub', namespace: 'portolan', resourceVersion: `other ${nowMs}` },
        spec: { ...stored?.spec, ...spec },
      };
    },
    /** Answers nothing until what it returns is called. */
    hold(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      held = promise;
      return resolve;
    },
    refuseWith: (code: number | undefined) => {
      refuse = code;
    },
    /** Until the try that is under way is over: only the wait for the next one, and perhaps the deadline, are left. */
    settled: () =>
      expect.poll(() => timers.some(({ atMs }) => atMs === nowMs + 2_000), { interval: 2 }).toBe(true),
    pass(ms: number): void {
      const untilMs = nowMs + ms;
      for (;;) {
        const [next] = timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.splice(timers.indexOf(next), 1);
        nowMs = Math.max(nowMs, next.atMs);
        next.task();
      }
      nowMs = untilMs;
    },
    async [Symbol.asyncDispose]() {
      await election.close();
      await api[Symbol.asyncDispose]();
    },
  };
}

describe('an election by a Lease', () => {
  it('makes the Lease, renews it with one request, and keeps the time at which it began', async () => {
    await using s = await stage();
    await s.settled();
    expect(s.election.leads).toBe(true);
    expect(s.election.holder).toBe('me');
    expect(s.spec()).toEqual({
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    });
    s.pass(2_000);
    await s.settled();
    expect(s.spec()).toMatchObject({
      acquireTime: '2026-01-01T00:00:00.000000Z',
      renewTime: '2026-01-01T00:00:02.000000Z',
      leaseTransitions: 0,
    });
    expect(s.api.requests.map(({ method }) => method)).toEqual(['GET', 'POST', 'PUT']);
    expect(s.changes).toEqual([true]);
  });

  it('takes a Lease after its duration by the own clock, whatever time stands in it', async () => {
    await using s = await stage({
      holderIdentity: 'other',
      leaseDurationSeconds: 6,
      renewTime: '1999-01-01T00:00:00.000000Z',
      leaseTransitions: 4,
    });
    await s.settled();
    for (let ms = 0; ms < 4_000; ms += 2_000) {
      s.pass(2_000);
      await s.settled();
      expect(s.election.leads).toBe(false);
    }
    // The holder renews: its duration begins anew.
    s.write({ renewTime: 'later' });
    for (let ms = 0; ms < 6_000; ms += 2_000) {
      s.pass(2_000);
      await s.settled();
      expect(s.election.leads).toBe(false);
    }
    s.pass(2_000);
    await s.settled();
    expect(s.election.leads).toBe(true);
    expect(s.spec()).toMatchObject({ holderIdentity: 'me', leaseTransitions: 5 });
  });

  it('takes one that was given back at once, and gives its own back', async () => {
    const s = await stage({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      leaseTransitions: 1,
      strategy: 'kept',
    });
    await s.settled();
    expect(s.election.leads).toBe(true);
    await s[Symbol.asyncDispose]();
    expect(s.changes).toEqual([true, false]);
    expect(s.spec()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1, strategy: 'kept' });
  });

  it('stops to lead when it could not renew until the deadline, before anybody else may begin', async () => {
    await using s = await stage();
    await s.settled();
    s.refuseWith(500);
    for (let ms = 0; ms < 8_000; ms += 2_000) {
      s.pass(2_000);
      await s.settled();
    }
    expect(s.election.leads).toBe(true);
    s.pass(1_999);
    expect(s.election.leads).toBe(true);
    s.pass(1);
    expect(s.election.leads).toBe(false);
    await expect.poll(() => s.changes).toEqual([true, false]);
    expect(s.problems).toHaveLength(1);
    expect(s.problems[0]).toContain('update leases.coordination.k8s.io portolan/hub: 500');
    s.refuseWith(undefined);
    await s.settled();
    s.pass(2_000);
    await s.settled();
    expect(s.election.leads).toBe(true);
    expect(s.problems).toEqual([expect.anything(), undefined]);
    await expect.poll(() => s.changes).toEqual([true, false, true]);
  });

  it('counts a renewal from when it asked, not from when it was answered', async () => {
    await using s = await stage();
    await s.settled();
    const answer = s.hold();
    s.pass(2_000);
    await expect.poll(() => s.api.requests.length).toBe(3);
    s.pass(4_000);
    answer();
    await s.settled();
    s.refuseWith(500);
    s.pass(5_999);
    expect(s.election.leads).toBe(true);
    s.pass(1);
    expect(s.election.leads).toBe(false);
  });

  it('does not lead when the process was stopped for longer than the deadline, even before its timers say so', async () => {
    let nowMs = 0;
    await using api = await startScriptedKubeApi((_request, response) =>
      json(response, { metadata: { name: 'hub', resourceVersion: '1' }, spec: { holderIdentity: 'me' } }),
    );
    const election = createLeaseElection({
      client: createKubeClient(api.access),
      namespace: 'portolan',
      name: 'hub',
      identity: 'me',
      onChange: () => undefined,
      now: () => new Date(0),
      // Timers never come.
      after: () => () => undefined,
      random: () => 0,
      monotonicMs: () => nowMs,
    });
    election.start();
    await expect.poll(() => election.leads).toBe(true);
    nowMs = 10_000;
    expect(election.leads).toBe(false);
  });

  it('stops at once when it sees another holder, and does not give back what it does not hold', async () => {
    const s = await stage();
    await s.settled();
    s.write({ holderIdentity: 'other', leaseDurationSeconds: 15 });
    s.pass(2_000);
    await s.settled();
    expect(s.election.leads).toBe(false);
    expect(s.election.holder).toBe('other');
    await s[Symbol.asyncDispose]();
    expect(s.spec()).toMatchObject({ holderIdentity: 'other' });
    expect(s.changes).toEqual([true, false]);
  });

  it('refuses times with which two could lead', () => {
    const times = { leaseSeconds: 10, renewDeadlineSeconds: 10 };
    expect(() => createLeaseElection({ ...times } as LeaseElectionOptions)).toThrow(RangeError);
  });
});
