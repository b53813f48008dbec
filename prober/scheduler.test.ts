import { describe, expect, it } from 'vitest';
import { NEVER_CONNECTED_MS } from './scheduler.ts';
import { type Behaviour, ScriptedProbes, targets } from './testing/scripted-probes.ts';

/** One target, probed for a while and up. */
async function oneUp(check: Readonly<Record<string, unknown>> = {}, behaviour: Behaviour = 'up') {
  const scripted = new ScriptedProbes();
  scripted.default = behaviour;
  scripted.prober.assign(targets(1, check));
  await scripted.time.advance(5_000);
  expect(scripted.verdicts()).toEqual(['up']);
  return scripted;
}

/** Milliseconds from the moment the endpoint changes until the vote says so, over all phases of the schedule. */
async function worst(
  behaviour: Behaviour,
  verdict: string,
  stepMs = 50,
): Promise<{ worst: number; best: number }> {
  const took: number[] = [];
  for (let offset = 0; offset < 1_000; offset += stepMs) {
    const scripted = await oneUp();
    if (behaviour === 'up') {
      scripted.default = 'refused';
      await scripted.time.advance(5_000);
    }
    await scripted.time.advance(offset);
    scripted.default = behaviour;
    took.push(await scripted.until(() => scripted.verdicts()[0] === verdict, 10_000));
    scripted.prober.close();
  }
  return { worst: Math.max(...took), best: Math.min(...took) };
}

describe('detection at the defaults', () => {
  it('votes DOWN on a refused port within 1.6 s, and not before the last confirm', async () => {
    const took = await worst('refused', 'down');
    expect(took.worst).toBeLessThanOrEqual(1_610);
    expect(took.best).toBeGreaterThanOrEqual(600);
  });

  it('votes DOWN on a black hole within 2.3 s: confirms do not wait for the timeout before', async () => {
    const took = await worst('black hole', 'down');
    expect(took.worst).toBeLessThanOrEqual(2_310);
    expect(took.worst).toBeGreaterThan(2_000);
    expect(took.best).toBeGreaterThanOrEqual(1_300);
  });

  it('votes UP again after two scheduled successes, without confirms', async () => {
    const took = await worst('up', 'up');
    expect(took.worst).toBeLessThanOrEqual(2_010);
    expect(took.best).toBeGreaterThanOrEqual(1_000);
  });

  it('sends the confirms 300 and 600 ms after the start of the failed probe', async () => {
    const scripted = await oneUp();
    scripted.default = 'black hole';
    const before = scripted.seen.length;
    await scripted.until(() => scripted.verdicts()[0] === 'down', 3_000);
    const [first = 0, ...rest] = scripted.seen.slice(before).map(({ atMs }) => atMs);
    expect(rest.slice(0, 2).map((atMs) => atMs - first)).toEqual([300, 600]);
  });

  it('announces the change at once and only the change', async () => {
    const scripted = new ScriptedProbes();
    scripted.prober.assign(targets(8));
    await scripted.time.advance(3_000);
    expect(scripted.batches.flatMap(({ votes }) => votes.map(({ verdict }) => verdict))).toEqual(
      Array(8).fill('up'),
    );
    scripted.batches.length = 0;
    scripted.behaviours.set('t3', 'refused');
    await scripted.until(() => scripted.batches.length > 0, 2_000);
    expect(scripted.batches[0]?.votes).toMatchObject([
      {
        targetId: 't3',
        vantage: 'hub/h',
        failureDomain: 'hub',
        verdict: 'down',
        detail: 'connection refused',
      },
    ]);
    expect(scripted.batches[0]?.votes[0]?.sinceMs).toBeLessThanOrEqual(10);
  });
});

describe('confirms', () => {
  it('stop at the first success: one lost probe changes nothing', async () => {
    const scripted = await oneUp();
    const before = scripted.prober.stats().confirms;
    scripted.default = 'refused';
    await scripted.until(() => scripted.prober.stats().probes.failed === 1, 2_000);
    scripted.default = 'up';
    await scripted.time.advance(900);
    expect(scripted.prober.stats().confirms - before).toBe(1);
    expect(scripted.verdicts()).toEqual(['up']);
  });

  it('are not sent for a target that is always slow, but follow its failure', async () => {
    const scripted = await oneUp({}, { slow: 500 });
    // The first probe of all had no usual latency to compare with.
    const before = scripted.prober.stats().confirms;
    await scripted.time.advance(20_000);
    expect(scripted.prober.stats().confirms).toBe(before);
    scripted.default = 'black hole';
    const took = await scripted.until(() => scripted.verdicts()[0] === 'down', 5_000);
    expect(took).toBeLessThanOrEqual(1_000 + 700 + 300 + 700 + 10);
    expect(scripted.prober.stats().confirms).toBeGreaterThan(before);
  });

  it('are not sent for a target that is down or was never up', async () => {
    const scripted = new ScriptedProbes();
    scripted.default = 'refused';
    scripted.prober.assign(targets(5));
    await scripted.time.advance(20_000);
    expect(scripted.verdicts()).toEqual(Array(5).fill('down'));
    expect(scripted.prober.stats().confirms).toBe(0);
  });

  it('are as many as fall needs and no more', async () => {
    for (const [fall, confirms] of [
      [1, 0],
      [2, 1],
      [3, 2],
    ]) {
      const scripted = await oneUp({ fall, confirmDelaysMs: [100, 200, 300, 400] });
      scripted.default = 'refused';
      await scripted.until(() => scripted.verdicts()[0] === 'down', 3_000);
      expect(scripted.prober.stats().confirms).toBe(confirms);
    }
  });

  it('I13 cost nearly nothing: 0 % and 100 % failing make the same number of probes within 10 %', async () => {
    const probesInAMinute = async (behave: (scripted: ScriptedProbes, second: number) => void) => {
      const scripted = new ScriptedProbes();
      scripted.prober.assign(targets(80));
      // The budget fills.
      await scripted.time.advance(20_000);
      const before = scripted.seen.length;
      for (let second = 0; second < 60; second += 1) {
        behave(scripted, second);
        await scripted.time.advance(1_000);
      }
      scripted.prober.close();
      return scripted.seen.length - before;
    };
    const healthy = await probesInAMinute(() => undefined);
    const dead = await probesInAMinute((scripted) => {
      scripted.default = 'black hole';
    });
    // The worst for the budget: everything comes up and fails again all the time.
    const flapping = await probesInAMinute((scripted, second) => {
      scripted.default = second % 4 < 2 ? 'refused' : 'up';
    });
    expect(healthy).toBe(80 * 60);
    expect(dead / healthy).toBeLessThan(1.1);
    expect(dead / healthy).toBeGreaterThan(0.99);
    expect(flapping / healthy).toBeLessThan(1.1);
    expect(flapping / healthy).toBeGreaterThan(1.01);
  });

  it('I13 out of budget detection is slower and never wrong', async () => {
    const scripted = new ScriptedProbes();
    scripted.prober.assign(targets(120));
    await scripted.time.advance(20_000);
    for (let i = 0; i < 100; i += 1) scripted.behaviours.set(`t${i}`, 'refused');
    await scripted.time.advance(3_010);
    const { confirmsRefused } = scripted.prober.stats();
    expect(confirmsRefused).toBeGreaterThan(0);
    for (const { targetId, verdict } of scripted.prober.votes()) {
      expect(verdict).toBe(Number(targetId.slice(1)) < 100 ? 'down' : 'up');
    }
  });
});

describe('the schedule', () => {
  it('spreads targets over the interval', async () => {
    const scripted = new ScriptedProbes();
    scripted.prober.assign(targets(1_000));
    await scripted.time.advance(1_000);
    const fromMs = scripted.time.clock();
    const perTenth = Array<number>(10).fill(0);
    await scripted.time.advance(999);
    for (const { atMs } of scripted.seen.filter((probe) => probe.atMs >= fromMs)) {
      const tenth = Math.floor((atMs - fromMs) / 100);
      perTenth[tenth] = (perTenth[tenth] ?? 0) + 1;
    }
    expect(Math.min(...perTenth)).toBeGreaterThan(60);
    expect(Math.max(...perTenth)).toBeLessThan(150);
  });

  it('keeps state and phase of targets that stay, forgets those that go', async () => {
    const scripted = new ScriptedProbes();
    const [first, second, third] = targets(3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('three targets');
    scripted.prober.assign([first, second]);
    await scripted.time.advance(5_000);
    const phase = (id: string) =>
      (scripted.seen.findLast(({ targetId }) => targetId === id)?.atMs ?? 0) % 1_000;
    const before = phase(first.id);
    scripted.prober.assign([third, { ...first }]);
    expect(scripted.prober.votes().map(({ targetId, verdict }) => [targetId, verdict])).toEqual([
      [first.id, 'up'],
      [third.id, 'none'],
    ]);
    const goneAtMs = scripted.time.clock();
    await scripted.time.advance(3_000);
    expect(phase(first.id)).toBe(before);
    expect(scripted.seen.filter(({ targetId, atMs }) => targetId === second.id && atMs > goneAtMs)).toEqual(
      [],
    );
    expect(scripted.verdicts()).toEqual(['up', 'up']);
  });

  it('looks at a target with a long interval soon, and keeps its verdict between two probes', async () => {
    const scripted = new ScriptedProbes();
    scripted.prober.assign(targets(5, { intervalSeconds: 30 }));
    await scripted.time.advance(1_010);
    expect(scripted.verdicts()).toEqual(Array(5).fill('up'));
    for (let second = 0; second < 120; second += 1) {
      await scripted.time.advance(1_000);
      expect(scripted.verdicts()).toEqual(Array(5).fill('up'));
    }
    expect(scripted.seen.length).toBeLessThanOrEqual(5 * (1 + 5));
  });

  it('leaves a slot out when a probe takes longer than its interval', async () => {
    const scripted = new ScriptedProbes();
    scripted.default = 'black hole';
    scripted.prober.assign(targets(1, { intervalSeconds: 0.2, timeoutMs: 700 }));
    await scripted.time.advance(10_000);
    expect(scripted.most).toBe(1);
    expect(scripted.prober.stats().missedRunning).toBeGreaterThan(30);
    expect(scripted.prober.stats().missedWaiting).toBe(0);
  });

  it('makes up for nothing after the machine was suspended, and forgets what it knew', async () => {
    const scripted = await oneUp();
    const before = scripted.seen.length;
    scripted.time.jump(600_000);
    expect(scripted.prober.votes()[0]).toMatchObject({ verdict: 'none' });
    await scripted.time.advance(1_010);
    expect(scripted.seen.length - before).toBeLessThanOrEqual(3);
    expect(scripted.verdicts()).toEqual(['up']);
  });

  it('stops everything on close', async () => {
    const scripted = new ScriptedProbes();
    scripted.default = 'black hole';
    scripted.prober.assign(targets(20));
    await scripted.time.advance(400);
    scripted.prober.close();
    const { length } = scripted.seen;
    await scripted.time.advance(10_000);
    expect(scripted.seen.length).toBe(length);
    expect(scripted.time.pendingTimers).toBe(0);
    expect(scripted.prober.stats().inFlight).toBe(0);
  });
});

describe('overload', () => {
  it('keeps to the limit in flight, takes clusters in turn and says so', async () => {
    const scripted = new ScriptedProbes({ maxInFlight: 10 });
    const all = targets(400).map((target, index) => ({
      ...target,
      cluster: index < 4 ? 'default/small' : 'default/large',
    }));
    for (const { id, cluster } of all)
      if (cluster === 'default/large') scripted.behaviours.set(id, 'black hole');
    scripted.prober.assign(all);
    await scripted.time.advance(20_000);
    expect(scripted.most).toBe(10);
    const stats = scripted.prober.stats();
    expect(stats).toMatchObject({ overloaded: true, inFlight: 10, targets: 400 });
    expect(stats.queued).toBeGreaterThan(100);
    expect(stats.missedWaiting).toBeGreaterThan(0);
    // 10 slots of 700 ms: 14 probes a second, of which each of four targets of the small cluster has its one.
    const small = new Set(all.slice(0, 4).map(({ id }) => id));
    expect(scripted.seen.filter(({ targetId }) => small.has(targetId)).length).toBeGreaterThan(4 * 15);
    for (const { targetId, verdict } of scripted.prober.votes())
      if (small.has(targetId)) expect(verdict).toBe('up');
  });

  it('gives the slot back when a probe or a CA look-up throws', async () => {
    const scripted = new ScriptedProbes({
      maxInFlight: 1,
      caBundle: () => {
        throw new Error('the secret store is closed');
      },
    });
    scripted.prober.assign(targets(2));
    await scripted.time.advance(3_000);
    expect(scripted.prober.stats().probes.unable).toBeGreaterThan(4);
    expect(scripted.prober.votes()[0]).toMatchObject({
      verdict: 'none',
      detail: 'the secret store is closed',
    });
  });
});

describe('what this vantage point cannot see', () => {
  it.each(['stalled', 'unable'] as const)('is never a failure: %s', async (behaviour) => {
    const scripted = await oneUp();
    scripted.default = behaviour;
    await scripted.time.advance(10_000);
    expect(scripted.verdicts()).toEqual(['none']);
    expect(scripted.prober.stats().probes).toMatchObject({ failed: 0 });
    expect(scripted.prober.stats().probes[behaviour]).toBeGreaterThan(5);
  });

  it('is known by when it last reached another failure domain', async () => {
    const scripted = new ScriptedProbes({ failureDomain: 'c0' });
    const [own, other] = targets(2);
    if (own === undefined || other === undefined) throw new Error('two targets');
    scripted.prober.assign([own]);
    await scripted.time.advance(5_000);
    expect(scripted.prober.connectedAgeMs()).toBe(NEVER_CONNECTED_MS);
    scripted.prober.noteContact('c0');
    expect(scripted.prober.connectedAgeMs()).toBe(NEVER_CONNECTED_MS);
    scripted.prober.noteContact('c2');
    await scripted.time.advance(700);
    expect(scripted.prober.connectedAgeMs()).toBe(700);
    scripted.prober.assign([own, other]);
    await scripted.time.advance(5_000);
    expect(scripted.prober.connectedAgeMs()).toBeLessThanOrEqual(1_000);
    scripted.behaviours.set(other.id, 'refused');
    await scripted.time.advance(5_000);
    expect(scripted.prober.connectedAgeMs()).toBeGreaterThan(3_900);
  });
});

describe('the own cluster', () => {
  it('is probed from inside, others from outside, each with its CA bundle', async () => {
    const scripted = new ScriptedProbes({
      ownCluster: 'default/c1',
      caBundle: ({ id }) => `bundle of ${id}`,
    });
    scripted.prober.assign(targets(3));
    await scripted.time.advance(1_000);
    expect(new Set(scripted.seen.map(({ targetId, inside, ca }) => `${targetId} ${inside} ${ca}`))).toEqual(
      new Set(['t0 false bundle of t0', 't1 true bundle of t1', 't2 false bundle of t2']),
    );
  });
});

describe("a drill's fault", () => {
  const fault = (scripted: ScriptedProbes, leaseMs: number) => ({
    id: 'friday',
    cluster: 'default/c0',
    expiresAtMs: scripted.time.clock() + leaseMs,
  });

  it('fails every probe of its cluster, and says that it does', async () => {
    const scripted = new ScriptedProbes();
    scripted.prober.assign(targets(2));
    await scripted.time.advance(3_000);
    scripted.prober.setFaults([fault(scripted, 60_000)]);
    const took = await scripted.until(() => scripted.verdicts()[0] === 'down', 3_000);
    expect(took).toBeLessThanOrEqual(1_610);
    expect(scripted.prober.votes()).toMatchObject([
      { verdict: 'down', detail: 'injected by drill friday', injected: true },
      { verdict: 'up' },
    ]);
    expect(scripted.prober.votes()[1]?.injected).toBeUndefined();
    expect(scripted.prober.stats().injected).toBeGreaterThanOrEqual(3);
    expect(scripted.prober.stats().probes.failed).toBe(0);
  });

  it('I35 ends on the own clock when nothing renews it', async () => {
    const scripted = await oneUp();
    scripted.prober.setFaults([fault(scripted, 5_000)]);
    await scripted.time.advance(4_900);
    expect(scripted.verdicts()).toEqual(['down']);
    // No message of any kind from here on.
    await scripted.time.advance(100 + 2_010);
    expect(scripted.prober.votes()).toMatchObject([{ verdict: 'up', detail: '5 ms' }]);
    expect(scripted.prober.votes()[0]?.injected).toBeUndefined();
  });

  it('lasts as long as it is renewed, and ends when it is taken back', async () => {
    const scripted = await oneUp();
    for (let second = 0; second < 20; second += 1) {
      scripted.prober.setFaults([fault(scripted, 3_000)]);
      await scripted.time.advance(1_000);
    }
    expect(scripted.verdicts()).toEqual(['down']);
    scripted.prober.setFaults([]);
    await scripted.time.advance(2_010);
    expect(scripted.verdicts()).toEqual(['up']);
  });

  it('does not take the sight of the vantage point: what was reached was reached', async () => {
    const scripted = await oneUp();
    scripted.prober.setFaults([fault(scripted, 60_000)]);
    await scripted.time.advance(10_000);
    expect(scripted.prober.connectedAgeMs()).toBeLessThanOrEqual(1_000);
  });

  it('is told apart from a failure of its own that goes on after it', async () => {
    const scripted = await oneUp();
    scripted.prober.setFaults([fault(scripted, 3_000)]);
    scripted.default = 'refused';
    await scripted.time.advance(2_500);
    expect(scripted.prober.votes()).toMatchObject([{ verdict: 'down', injected: true }]);
    await scripted.time.advance(2_000);
    expect(scripted.prober.votes()).toMatchObject([{ verdict: 'down', detail: 'connection refused' }]);
    expect(scripted.prober.votes()[0]?.injected).toBeUndefined();
  });
});

describe('votes', () => {
  it('carry a sequence that grows with every message', async () => {
    const scripted = await oneUp();
    const [first] = scripted.prober.votes();
    const [second] = scripted.prober.votes();
    expect(second?.sequence).toBe((first?.sequence ?? 0) + 1);
  });

  it('are none before the first probe has finished', () => {
    const scripted = new ScriptedProbes();
    scripted.prober.assign(targets(1));
    expect(scripted.prober.votes()).toMatchObject([{ verdict: 'none', detail: 'no probe has finished yet' }]);
  });
});
