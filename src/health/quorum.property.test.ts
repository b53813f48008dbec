import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkSpec } from '../resources/health-check.ts';
import { createHealthBoard, type HealthBoard } from './board.ts';
import { decide, newMemory } from './decide.ts';
import { type Tally, tally } from './tally.ts';
import { DEFAULT_QUORUM, type ReceivedVote, type Target } from './types.ts';
import type { VoteBatch } from './vote-book.ts';

const config = DEFAULT_QUORUM;
const MINUTE_MS = 60_000;
const verdict = fc.constantFrom('up' as const, 'down' as const, 'down' as const, 'none' as const);

const target: Target = {
  id: 't',
  cluster: 'default/eu-1',
  failureDomain: 'eu-1',
  address: '192.0.2.1',
  port: 80,
  check: checkSpec.parse({ protocol: 'tcp', port: 80 }),
  defaultHost: 'www.example.com',
};

const received: fc.Arbitrary<ReceivedVote> = fc.record({
  vote: fc.record({
    vantage: fc.constantFrom('a1', 'a2', 'b1', 'c1', 'd1', 'e1'),
    failureDomain: fc.constant(''),
    targetId: fc.constant('t'),
    verdict,
    sequence: fc.nat(5),
    ageMs: fc.nat(2_000),
    sinceMs: fc.constant(0),
    detail: fc.constant('timeout'),
  }),
  receivedAtMs: fc.integer({ min: 7_000, max: 10_100 }),
  vantageConnected: fc.constantFrom(true, true, true, false),
  connectedSinceMs: fc.constantFrom(0, 6_000, 9_000),
});
const votes = fc
  .array(received, { maxLength: 14 })
  .map((list) =>
    list.map((item) => ({ ...item, vote: { ...item.vote, failureDomain: item.vote.vantage.charAt(0) } })),
  );

describe('the count of votes', () => {
  it('I16 is DOWN only if two failure domains each have a fresh, connected vote for it', () => {
    let downs = 0;
    fc.assert(
      fc.property(votes, (list) => {
        if (tally(list, 10_000, config).verdict !== 'down') return;
        downs += 1;
        const domains = new Set(
          list
            .filter(({ vote, receivedAtMs, vantageConnected, connectedSinceMs }) => {
              const ageMs = vote.ageMs + 10_000 - receivedAtMs;
              if (receivedAtMs - vote.ageMs - connectedSinceMs < 3_000) return false;
              return vote.verdict === 'down' && vantageConnected && receivedAtMs <= 10_000 && ageMs <= 3_000;
            })
            .map(({ vote }) => vote.failureDomain),
        );
        expect(domains.size).toBeGreaterThanOrEqual(2);
      }),
      { numRuns: 3_000 },
    );
    expect(downs).toBeGreaterThan(10);
  });

  it('does not depend on the order of the votes', () => {
    const pairs = votes.chain((list) =>
      fc.tuple(
        fc.constant(list),
        fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }),
      ),
    );
    fc.assert(
      fc.property(pairs, ([list, shuffled]) => {
        expect(tally(shuffled, 10_000, config)).toEqual(tally(list, 10_000, config));
      }),
      { numRuns: 2_000 },
    );
  });

  it('never becomes DOWN because one more failure domain says UP', () => {
    fc.assert(
      fc.property(votes, (list) => {
        const witness: ReceivedVote = {
          vote: {
            vantage: 'z1',
            failureDomain: 'z',
            targetId: 't',
            verdict: 'up',
            sequence: 1,
            ageMs: 0,
            sinceMs: 0,
            detail: '',
          },
          receivedAtMs: 10_000,
          vantageConnected: true,
          connectedSinceMs: 0,
        };
        const before = tally(list, 10_000, config).verdict;
        const after = tally([...list, witness], 10_000, config).verdict;
        if (before !== 'down') expect(after).not.toBe('down');
      }),
      { numRuns: 2_000 },
    );
  });
});

type Action =
  | { readonly kind: 'batch'; readonly batch: VoteBatch }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'tick' }
  | { readonly kind: 'forget'; readonly vantage: string }
  /** Six seconds of heartbeats: every vantage point that is not restarted meanwhile is settled. */
  | { readonly kind: 'settle' }
  | { readonly kind: 'restart' };

const DISORDERLY = ['a1', 'a2', 'a3', 'b1', 'c1'];

/** Batches in every disorder: old sequences, other incarnations, silence; `saying` by a vantage point's failure domain. */
function disorder(
  vantages: readonly string[],
  saying: (domain: string) => fc.Arbitrary<'up' | 'down' | 'none'>,
) {
  const batch = fc.constantFrom(...vantages).chain((vantage) =>
    fc.record({
      kind: fc.constant('batch' as const),
      batch: fc.record({
        vantage: fc.constant(vantage),
        failureDomain: fc.constant(vantage.charAt(0)),
        incarnation: fc.constantFrom('first', 'first', 'first', 'first', 'first', 'second'),
        /** Beside the next one in order. */
        sequence: fc.integer({ min: -6, max: 1 }),
        connectedAgeMs: fc.constantFrom(0, 500, 2_500, 9_000),
        complete: fc.boolean(),
        votes: fc.array(
          fc.record({
            targetId: fc.constant('t'),
            verdict: saying(vantage.charAt(0)),
            ageMs: fc.constantFrom(0, 100, 900, 2_900, 3_100),
            sinceMs: fc.constant(0),
            detail: fc.constant('timeout'),
          }),
          { maxLength: 1 },
        ),
      }),
    }),
  );
  const others: fc.Arbitrary<Action> = fc.oneof(
    fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(50, 50, 50, 300, 300, 300, 1_000, 3_500, 400_000, -1_000),
    }),
    fc.constant({ kind: 'tick' as const }),
    fc.constant({ kind: 'settle' as const }),
    fc.constant({ kind: 'settle' as const }),
    fc.record({ kind: fc.constant('forget' as const), vantage: fc.constantFrom(...vantages) }),
    fc.constant({ kind: 'restart' as const }),
  );
  return fc.array(
    fc.oneof({ weight: 5, arbitrary: batch as fc.Arbitrary<Action> }, { weight: 1, arbitrary: others }),
    {
      minLength: 5,
      maxLength: 80,
    },
  );
}

function heartbeat(vantage: string, sequence: number): VoteBatch {
  const failureDomain = vantage.charAt(0);
  return {
    vantage,
    failureDomain,
    incarnation: 'first',
    sequence,
    connectedAgeMs: 0,
    complete: false,
    votes: [],
  };
}

/** Plays actions on a board whose target is up, ticking after each; returns the states seen. */
function play(actions: readonly Action[]): string[] {
  const start = () => {
    const board = createHealthBoard({ config });
    board.setTargets([target], { nowMs: 0, wallMs: 0 });
    return board;
  };
  let now = 10_000_000;
  let sequence = 10;
  let board: HealthBoard = start();
  board.restore({ t: { state: 'up', sinceWallMs: 0, changedAgoMs: 1_000_000, flaps: 0 } }, now);
  const seen: string[] = [];
  for (const action of actions) {
    switch (action.kind) {
      case 'batch':
        sequence += 1;
        board.ingest({ ...action.batch, sequence: sequence + action.batch.sequence }, now);
        break;
      case 'settle':
        for (let second = 0; second < 6; second += 1) {
          now += 1_000;
          sequence += 1;
          for (const vantage of DISORDERLY) board.ingest(heartbeat(vantage, sequence), now);
        }
        break;
      case 'wait':
        now += action.ms;
        break;
      case 'forget':
        board.forget(action.vantage);
        break;
      case 'restart': {
        const memory = board.remember();
        board = start();
        board.restore(memory, now);
        break;
      }
      case 'tick':
        break;
    }
    seen.push(board.tick({ nowMs: now, wallMs: now }).states.get('t')?.state ?? 'missing');
  }
  return seen;
}

describe('the board under disorder', () => {
  it('I16 no vote of a single failure domain takes a target down, in any order, at any time', () => {
    const actions = disorder(DISORDERLY, (domain) =>
      domain === 'a' ? verdict : fc.constantFrom('up' as const, 'none' as const),
    );
    fc.assert(
      fc.property(actions, (list) => {
        expect(new Set(play(list))).toEqual(new Set(['up']));
      }),
      { numRuns: 1_500 },
    );
  });

  it('does take it down when two do (so the property above can fail)', () => {
    let downs = 0;
    const actions = disorder(['a1', 'a2', 'b1'], () => fc.constant('down' as const));
    fc.assert(
      fc.property(actions, (list) => {
        if (play(list).includes('down')) downs += 1;
      }),
      { numRuns: 1_000 },
    );
    expect(downs).toBeGreaterThan(15);
  });

  it('ends in the same votes whatever the order and repetition of the batches of one incarnation', () => {
    const batches = fc
      .array(
        fc.record({
          vantage: fc.constantFrom('a1', 'b1', 'c1'),
          complete: fc.boolean(),
          votes: fc.dictionary(fc.constantFrom('t', 'u', 'v'), verdict),
        }),
        { minLength: 1, maxLength: 20 },
      )
      .map((list) =>
        list.map(
          ({ vantage, complete, votes: said }, index): VoteBatch => ({
            vantage,
            failureDomain: vantage.charAt(0),
            incarnation: 'first',
            sequence: index,
            connectedAgeMs: index,
            complete,
            votes: Object.entries(said).map(([targetId, word]) => ({
              targetId,
              verdict: word,
              ageMs: index,
              sinceMs: 0,
              detail: `batch ${index}`,
            })),
          }),
        ),
      );
    const runs = batches.chain((list) => {
      const twice = [...list, ...list];
      return fc.tuple(
        fc.constant(list),
        fc.shuffledSubarray(twice, { minLength: twice.length, maxLength: twice.length }),
      );
    });
    const outcome = (list: readonly VoteBatch[]) => {
      const board = createHealthBoard({ config });
      board.setTargets(
        ['t', 'u', 'v'].map((id) => ({ ...target, id })),
        { nowMs: 0, wallMs: 0 },
      );
      for (const batch of list) board.ingest(batch, 100);
      const states = board.tick({ nowMs: 200, wallMs: 0 }).states;
      return [...states.values()];
    };
    fc.assert(
      fc.property(runs, ([list, disordered]) => {
        expect(outcome(disordered)).toEqual(outcome(list));
      }),
      { numRuns: 1_500 },
    );
  });
});

const SAYINGS: readonly Tally[] = [
  { verdict: 'up', upDomains: 3, downDomains: 0, lingeringDomains: 0, doubt: false },
  { verdict: 'down', upDomains: 0, downDomains: 3, lingeringDomains: 0, doubt: true },
  { verdict: 'undecided', upDomains: 1, downDomains: 1, lingeringDomains: 0, doubt: true },
  { verdict: 'single', upDomains: 1, downDomains: 0, lingeringDomains: 0, doubt: false },
  { verdict: 'single', upDomains: 0, downDomains: 1, lingeringDomains: 0, doubt: true },
  { verdict: 'blind', upDomains: 0, downDomains: 0, lingeringDomains: 0, doubt: false },
];
const [SAY_UP, SAY_DOWN] = SAYINGS;

describe('damping against an adversary', () => {
  const stepMs = fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.constantFrom(0, -500, 20_000, 3_600_000));
  /** `spite`: down the moment it is admitted, up the moment it is withdrawn. Else a free choice. */
  const moves = fc.array(
    fc.record({
      elapsedMs: stepMs,
      spite: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
      free: fc.constantFrom(...SAYINGS),
    }),
    { minLength: 200, maxLength: 600 },
  );

  it('I15 changes an answer at most twice in any minute', () => {
    let most = 0;
    fc.assert(
      fc.property(moves, (list) => {
        let memory = newMemory(0);
        let now = 0;
        const changes: number[] = [];
        for (const { elapsedMs, spite, free } of list) {
          const spiteful = memory.state === 'up' ? SAY_DOWN : SAY_UP;
          const said = spite && spiteful !== undefined ? spiteful : free;
          now += Math.max(0, elapsedMs);
          const before = memory.state === 'up';
          memory = decide(memory, said, { elapsedMs, wallMs: now }, config).memory;
          if ((memory.state === 'up') !== before) changes.push(now);
        }
        most = Math.max(most, changes.length);
        for (let third = 2; third < changes.length; third += 1) {
          expect((changes[third] ?? 0) - (changes[third - 2] ?? 0)).toBeGreaterThanOrEqual(MINUTE_MS);
        }
      }),
      { numRuns: 400 },
    );
    expect(most).toBeGreaterThan(4);
  });

  it('I15 a withdrawal is never delayed: DOWN is down in the same step, whatever came before', () => {
    fc.assert(
      fc.property(moves, (list) => {
        let memory = newMemory(0);
        for (const { elapsedMs, free } of list) {
          memory = decide(memory, free, { elapsedMs, wallMs: 0 }, config).memory;
          if (free.verdict === 'down') expect(memory.state).toBe('down');
        }
      }),
      { numRuns: 400 },
    );
  });

  it('never changes state sooner than the earliest change it named for a withdrawn target', () => {
    let admitted = 0;
    fc.assert(
      fc.property(moves, (list) => {
        let memory = newMemory(0);
        let now = 0;
        let notBefore = 0;
        for (const { elapsedMs, spite, free } of list) {
          const said = spite && SAY_UP !== undefined && memory.state === 'down' ? SAY_UP : free;
          now += Math.max(0, elapsedMs);
          const decision = decide(memory, said, { elapsedMs, wallMs: 0 }, config);
          if (memory.state === 'down' && decision.memory.state === 'up') {
            admitted += 1;
            expect(now).toBeGreaterThanOrEqual(notBefore);
          }
          memory = decision.memory;
          if (memory.state === 'down') notBefore = now + decision.earliestChangeMs;
        }
      }),
      { numRuns: 400 },
    );
    expect(admitted).toBeGreaterThan(100);
  });
});
