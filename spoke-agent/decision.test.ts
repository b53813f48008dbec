import { describe, expect, it } from 'vitest';
import { isDrained } from '../src/health/drain-book.ts';
import { DEFAULT_QUORUM } from '../src/health/types.ts';
import { type AgentDecision, createAgentDecision, type HubBatch, type HubDecision } from './decision.ts';
import { target } from './testing/hub-stand-in.ts';

/** Time that only moves when told. */
const start = 1_000_000;
const at = (ms: number) => ({ nowMs: start + ms, wallMs: 1_700_000_000_000 + ms });

const TARGETS = [target('t-eu', 'eu-1'), target('t-us', 'us-1')];

const rules = (epoch = 1, drains: HubBatch['drains'] = []) => ({
  epoch,
  quorum: DEFAULT_QUORUM,
  targets: TARGETS,
  drains,
});

const decided = (
  targetId: string,
  state: HubDecision['state'],
  more: Partial<HubDecision> = {},
): HubDecision => ({
  targetId,
  state,
  degraded: false,
  changedAgoMs: 60_000,
  flaps: 0,
  earliestChangeMs: 2_147_483_647,
  reason: 'the hub says so',
  ...more,
});

let sequence = 0;
const hub = (more: Partial<HubBatch> = {}): HubBatch => {
  sequence += 1;
  return {
    epoch: 1,
    sequence,
    complete: true,
    authoritative: true,
    decisions: [decided('t-eu', 'up'), decided('t-us', 'up')],
    drains: [],
    drainsComplete: true,
    ...more,
  };
};

const heartbeat = (more: Partial<HubBatch> = {}): HubBatch =>
  hub({ complete: false, decisions: [], ...more });

/** Votes of one agent about both targets. */
const votes = (domain: string, eu: 'up' | 'down', us: 'up' | 'down', n: number) => ({
  vantage: `agent/${domain}`,
  failureDomain: domain,
  incarnation: `of-${domain}`,
  sequence: n,
  connectedAgeMs: 0,
  complete: true,
  votes: [
    { targetId: 't-eu', verdict: eu, ageMs: 0, sinceMs: 0, detail: 'probed' },
    { targetId: 't-us', verdict: us, ageMs: 0, sinceMs: 0, detail: 'probed' },
  ],
});

/** Two peers and this agent see the same, once a second, for a while; returns what rules at the end. */
const watch = (
  decision: AgentDecision,
  fromMs: number,
  toMs: number,
  eu: 'up' | 'down',
  us: 'up' | 'down',
) => {
  let ruling = decision.tick(at(fromMs));
  for (let ms = fromMs; ms <= toMs; ms += 500) {
    for (const domain of ['eu-1', 'us-1', 'as-1'])
      decision.votes(votes(domain, eu, us, ms + 1), at(ms).nowMs);
    ruling = decision.tick(at(ms));
  }
  return ruling;
};

describe('while the hub is heard', () => {
  it('its states rule, whatever the votes here say', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    decision.hubBatch(hub(), at(0));
    const ruling = watch(decision, 0, 2_500, 'down', 'up');
    expect(ruling.source).toBe('hub');
    expect(ruling.targets.get('t-eu')).toMatchObject({ state: 'up', reason: 'the hub says so' });
  });

  it('changes arrive as differences', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    decision.hubBatch(hub(), at(0));
    decision.hubBatch(
      heartbeat({ decisions: [decided('t-eu', 'down', { changedAgoMs: 0, flaps: 1 })] }),
      at(100),
    );
    const { targets } = decision.tick(at(100));
    expect(targets.get('t-eu')?.state).toBe('down');
    expect(targets.get('t-us')?.state).toBe('up');
  });

  it('one that has just started and heard too little does not rule', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    watch(decision, 0, 2_000, 'up', 'up');
    decision.hubBatch(
      hub({ authoritative: false, decisions: [decided('t-eu', 'unknown'), decided('t-us', 'unknown')] }),
      at(2_000),
    );
    const ruling = watch(decision, 2_000, 2_500, 'up', 'up');
    expect(ruling.source).toBe('quorum');
    expect(ruling.targets.get('t-eu')?.state).toBe('up');
  });

  it('a hub that restarts and knows nothing yet does not wipe out what it said before', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    decision.hubBatch(
      hub({ decisions: [decided('t-eu', 'down', { flaps: 2 }), decided('t-us', 'up')] }),
      at(0),
    );
    decision.tick(at(0));
    decision.linkUp();
    decision.hubBatch(
      hub({
        epoch: 2,
        authoritative: false,
        decisions: [decided('t-eu', 'unknown'), decided('t-us', 'unknown')],
      }),
      at(500),
    );
    const { source, targets } = decision.tick(at(500));
    expect(source).toBe('quorum');
    expect(targets.get('t-eu')).toMatchObject({ state: 'down', memory: { flaps: 2 } });
    expect(targets.get('t-us')?.state).toBe('up');
  });
});

describe('when the hub falls silent', () => {
  it('I9 the same quorum runs here over the votes of peers and own ones', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    decision.hubBatch(hub(), at(0));
    decision.tick(at(0));
    expect(watch(decision, 500, 2_900, 'down', 'up').source).toBe('hub');
    const ruling = watch(decision, 3_001, 4_000, 'down', 'up');
    expect(ruling.source).toBe('quorum');
    expect(ruling.targets.get('t-eu')?.state).toBe('down');
    expect(ruling.targets.get('t-us')?.state).toBe('up');
  });

  it('I9 failover goes on for a day without it', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    decision.hubBatch(hub(), at(0));
    const day = 86_400_000;
    watch(decision, 4_000, 6_000, 'up', 'up');
    watch(decision, day, day + 5_000, 'up', 'up');
    const ruling = watch(decision, day + 5_500, day + 8_000, 'up', 'down');
    expect(ruling.source).toBe('quorum');
    expect(ruling.targets.get('t-us')?.state).toBe('down');
    expect(ruling.targets.get('t-eu')?.state).toBe('up');
    expect(start + day + 8_000 - ruling.freshAtMs).toBeGreaterThanOrEqual(day);
  });

  it('without any votes the last states stand', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    decision.hubBatch(
      hub({ decisions: [decided('t-eu', 'up'), decided('t-us', 'down', { flaps: 1 })] }),
      at(0),
    );
    decision.tick(at(0));
    const { source, targets } = decision.tick(at(60_000));
    expect(source).toBe('quorum');
    expect(targets.get('t-eu')).toMatchObject({ state: 'up', degraded: true });
    expect(targets.get('t-us')).toMatchObject({ state: 'down', degraded: true });
  });

  it('I15 a hold that the hub began goes on: what it withdrew is not admitted early', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    const withdrawn = decided('t-eu', 'down', { changedAgoMs: 5_000, flaps: 1, recoveringForMs: 4_000 });
    decision.hubBatch(hub({ decisions: [withdrawn, decided('t-us', 'up')] }), at(0));
    decision.tick(at(0));
    // Withdrawn 5 s before: it stays out for twice the hold, 60 s, so for 55 more.
    expect(watch(decision, 500, 50_000, 'up', 'up').targets.get('t-eu')?.state).toBe('down');
    expect(watch(decision, 50_500, 65_000, 'up', 'up').targets.get('t-eu')?.state).toBe('up');
  });

  describe('and comes back', () => {
    /** t-eu was withdrawn here, about 3 s before the hub is heard again at 6,100 ms. */
    const withdrawnMeanwhile = (): AgentDecision => {
      const decision = createAgentDecision();
      decision.applySnapshot(rules(), at(0));
      decision.hubBatch(hub(), at(0));
      decision.tick(at(0));
      expect(watch(decision, 500, 6_000, 'down', 'up').targets.get('t-eu')?.state).toBe('down');
      decision.linkUp();
      return decision;
    };
    const ruledAfter = (decision: AgentDecision, ms: number) => watch(decision, ms, ms, 'down', 'up');

    it('its states rule again', () => {
      const decision = withdrawnMeanwhile();
      const knows = [decided('t-eu', 'down', { changedAgoMs: 100 }), decided('t-us', 'down')];
      decision.hubBatch(hub({ epoch: 2, sequence: 1, decisions: knows }), at(6_100));
      const ruling = decision.tick(at(6_100));
      expect(ruling).toMatchObject({ source: 'hub', epoch: 2 });
      expect(ruling.targets.get('t-us')?.state).toBe('down');
      expect(ruling.targets.get('t-eu')).toMatchObject({ state: 'down', reason: 'the hub says so' });
    });

    it('a hub that has not heard yet does not bring back what was withdrawn meanwhile', () => {
      const decision = withdrawnMeanwhile();
      decision.hubBatch(hub({ epoch: 2, sequence: 1 }), at(6_100));
      const ruling = ruledAfter(decision, 6_100);
      expect(ruling.source).toBe('hub');
      expect(ruling.targets.get('t-eu')?.state).toBe('down');
    });

    it('not even one whose restart made its own change look younger', () => {
      const decision = withdrawnMeanwhile();
      const restored = [decided('t-eu', 'up', { changedAgoMs: 500 }), decided('t-us', 'up')];
      decision.hubBatch(hub({ epoch: 2, sequence: 1, decisions: restored }), at(6_100));
      expect(ruledAfter(decision, 6_100).targets.get('t-eu')?.state).toBe('down');
    });

    it('what the hub withdrew meanwhile is withdrawn here at once', () => {
      const decision = withdrawnMeanwhile();
      const both = [decided('t-eu', 'down'), decided('t-us', 'down')];
      decision.hubBatch(hub({ epoch: 2, sequence: 1, decisions: both }), at(6_100));
      expect(ruledAfter(decision, 6_100).targets.get('t-us')?.state).toBe('down');
    });

    it('what it knows nothing of keeps its state', () => {
      const decision = withdrawnMeanwhile();
      const nothing = [decided('t-eu', 'unknown'), decided('t-us', 'unknown')];
      decision.hubBatch(hub({ epoch: 2, sequence: 1, decisions: nothing }), at(6_100));
      const { targets } = ruledAfter(decision, 6_100);
      expect(targets.get('t-eu')?.state).toBe('down');
      expect(targets.get('t-us')?.state).toBe('up');
    });

    it('its next change of that target is newer, and counts at once', () => {
      const decision = withdrawnMeanwhile();
      decision.hubBatch(hub({ epoch: 2, sequence: 1 }), at(6_100));
      ruledAfter(decision, 6_100);
      const admitted = [decided('t-eu', 'up', { changedAgoMs: 0 })];
      decision.hubBatch(heartbeat({ epoch: 2, sequence: 2, decisions: admitted }), at(7_000));
      expect(ruledAfter(decision, 7_000).targets.get('t-eu')?.state).toBe('up');
    });

    it('what it did not know is not forgotten when it falls silent again', () => {
      const decision = withdrawnMeanwhile();
      decision.hubBatch(hub({ epoch: 2, sequence: 1 }), at(6_100));
      ruledAfter(decision, 6_100);
      const ruling = decision.tick(at(9_200));
      expect(ruling.source).toBe('quorum');
      expect(ruling.targets.get('t-eu')?.state).toBe('down');
    });

    it('its word counts after 10 s in any case', () => {
      const decision = withdrawnMeanwhile();
      let ms = 6_100;
      decision.hubBatch(hub({ epoch: 2, sequence: 1 }), at(ms));
      ruledAfter(decision, ms);
      for (let n = 2; ms < 16_000; n += 1, ms += 900) {
        decision.hubBatch(heartbeat({ epoch: 2, sequence: n }), at(ms));
        expect(ruledAfter(decision, ms).targets.get('t-eu')?.state).toBe('down');
      }
      decision.hubBatch(heartbeat({ epoch: 2, sequence: 100 }), at(16_100));
      expect(ruledAfter(decision, 16_100).targets.get('t-eu')?.state).toBe('up');
    });
  });
});

describe('fencing', () => {
  it('decisions of an older epoch are refused, whoever raised the epoch', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(3), at(0));
    decision.hubBatch(hub({ epoch: 3 }), at(0));
    const old = hub({ epoch: 2, decisions: [decided('t-eu', 'down'), decided('t-us', 'down')] });
    expect(decision.hubBatch(old, at(100))).toBe('fenced');
    expect(decision.tick(at(100)).targets.get('t-eu')?.state).toBe('up');
  });

  it('a fenced hub does not count as heard', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(3), at(0));
    decision.hubBatch(hub({ epoch: 3 }), at(0));
    for (let ms = 500; ms <= 4_000; ms += 500) decision.hubBatch(heartbeat({ epoch: 2 }), at(ms));
    expect(decision.tick(at(4_000)).source).toBe('quorum');
  });

  it('a batch that was overtaken on its stream is not applied', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    decision.hubBatch(hub({ sequence: 10 }), at(0));
    const late = hub({ sequence: 9, decisions: [decided('t-eu', 'down'), decided('t-us', 'down')] });
    expect(decision.hubBatch(late, at(10))).toBe('duplicate');
    expect(decision.tick(at(10)).targets.get('t-eu')?.state).toBe('up');
  });
});

describe('drains', () => {
  const lease = { cluster: 'default/eu-1', drainedForMs: 0, remainingMs: 5_000, leased: true };
  const drained = (decision: AgentDecision, ms: number): boolean =>
    isDrained(decision.tick(at(ms)).drains, 'default/eu-1', at(ms).nowMs);

  it('I35 a lease of a drill ends on the own clock when the hub is dead', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    decision.hubBatch(hub({ drains: [lease] }), at(0));
    expect(drained(decision, 4_999)).toBe(true);
    expect(drained(decision, 5_000)).toBe(false);
  });

  it('I35 a lease lasts as long as the hub renews it', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    for (let ms = 0; ms <= 20_000; ms += 1_000) decision.hubBatch(hub({ drains: [lease] }), at(ms));
    expect(drained(decision, 20_000)).toBe(true);
    expect(drained(decision, 25_000)).toBe(false);
  });

  it('a drain that a person asked for stands without the hub', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(
      rules(1, [{ cluster: 'default/eu-1', drainedForMs: 60_000, leased: false }]),
      at(0),
    );
    expect(drained(decision, 86_400_000)).toBe(true);
  });

  it('ends when the hub leaves it out of its complete set', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(
      rules(1, [{ cluster: 'default/eu-1', drainedForMs: 60_000, leased: false }]),
      at(0),
    );
    decision.hubBatch(heartbeat({ drains: [], drainsComplete: false }), at(100));
    expect(drained(decision, 100)).toBe(true);
    decision.hubBatch(heartbeat({ drains: [], drainsComplete: true }), at(200));
    expect(drained(decision, 200)).toBe(false);
  });

  it('a new snapshot without it does not end the lease of a drill', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    decision.hubBatch(hub({ drains: [lease] }), at(0));
    decision.applySnapshot(rules(), at(1_000));
    expect(drained(decision, 1_500)).toBe(true);
  });
});

describe('a restart of the process', () => {
  it('goes on from what the other process kept', () => {
    const decision = createAgentDecision();
    decision.applySnapshot(rules(), at(0));
    decision.recall(
      {
        epoch: 7,
        memories: { 't-us': { state: 'down', sinceWallMs: 1, changedAgoMs: 10_000, flaps: 3 } },
        drains: [{ cluster: 'default/eu-1', drainedForMs: 1_000, leased: true, remainingMs: 2_000 }],
        drainsComplete: true,
        hubHeardAgoMs: 40_000,
      },
      at(0),
    );
    const ruling = decision.tick(at(0));
    expect(ruling.targets.get('t-us')).toMatchObject({ state: 'down', memory: { flaps: 3 } });
    expect(ruling.epoch).toBe(7);
    expect(at(0).nowMs - ruling.freshAtMs).toBe(40_000);
    expect(isDrained(ruling.drains, 'default/eu-1', at(1_999).nowMs)).toBe(true);
    expect(isDrained(ruling.drains, 'default/eu-1', at(2_000).nowMs)).toBe(false);
  });
});
