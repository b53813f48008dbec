import { describe, expect, it } from 'vitest';
import type { AuthenticationMethod, DecisionCaching } from '../../src/policy/model.ts';
import { createDecisionCache } from '../decisions/cache.ts';
import type { FoundKey, KeyAnswer, KeyTable } from '../keys/contract.ts';
import { createKeySearch, type KeySearchAnswer, SEARCHES_PER_SECOND } from '../keys/search.ts';
import type { GatewayRequest } from '../request.ts';
import { FAILURE_BUDGET, failureBudget } from './failure-budget.ts';
import { apiKeyMethod } from './key-methods.ts';
import { requestOf } from './testing/world.ts';

const METHOD: Extract<AuthenticationMethod, { type: 'apiKey' }> = {
  type: 'apiKey',
  credentials: [{ in: 'header', name: 'x-api-key' }],
  namespaces: ['default'],
  labels: {},
};
const ANN: FoundKey = {
  type: 'known',
  record: { id: 'k-a', namespace: 'default', principal: 'ann', roles: [], labels: {}, attributes: {} },
  expiresAtMs: 0,
};

/** A gateway thread whose table has nothing, and a hub that answers as `hub` says. */
function world(mode: DecisionCaching['mode'] = 'strict') {
  const clock = { nowMs: 0 };
  const monotonicMs = () => clock.nowMs;
  const asked: string[] = [];
  const state = {
    staleMs: 60_000,
    table: { type: 'unknown' } as KeyAnswer,
    hub: (_digest: string): KeySearchAnswer | undefined => ({ type: 'unknown' }),
  };
  const timers: { readonly atMs: number; readonly task: () => void }[] = [];
  const search = createKeySearch({
    ask(id, digest) {
      asked.push(digest);
      const answer = state.hub(digest);
      if (answer !== undefined) queueMicrotask(() => search.found(id, answer));
    },
    monotonicMs,
    after(delayMs, task) {
      timers.push({ atMs: clock.nowMs + delayMs, task });
      return () => undefined;
    },
  });
  const keys: KeyTable = {
    find: () => state.table,
    staleMs: () => state.staleMs,
    size: 0,
    hubDigest: (key) => `digest of ${key.length} characters: ${[...key].reverse().join('')}`,
    search,
  };
  const decisions = createDecisionCache({ wallMs: monotonicMs, monotonicMs, maxEntries: 1_000 });
  const method = apiKeyMethod(METHOD, {
    rule: 'keys',
    keys,
    maxStalenessSeconds: 0,
    asking: { decisions, caching: { mode, ttlSeconds: 60, negativeTtlSeconds: 2 } },
    budget: failureBudget(monotonicMs, FAILURE_BUDGET),
  });
  const request = (key: string, address: string): GatewayRequest =>
    requestOf({ headers: { 'x-api-key': key }, source: { address, port: 1, peer: address, trusted: false } });
  return {
    state,
    asked,
    pass(ms: number) {
      clock.nowMs += ms;
      for (const { task } of timers.filter(({ atMs }) => atMs <= clock.nowMs)) task();
    },
    async who(key: string, address = '192.0.2.1'): Promise<string> {
      const attempt = await method.attempt(request(key, address));
      return 'failed' in attempt ? attempt.failed : attempt.name;
    },
  };
}

describe('a key that the table does not have', () => {
  it('is asked for once, counts at once, and a table that knows better goes first', async () => {
    const { state, asked, who } = world();
    state.hub = () => ANN;
    expect(await Promise.all([who('new'), who('new'), who('new')])).toEqual(['ann', 'ann', 'ann']);
    expect(await who('new')).toBe('ann');
    expect(asked).toHaveLength(1);
    state.table = { type: 'revoked', id: 'k-a' };
    expect(await who('new')).toBe('revoked');
  });

  it('is refused without asking while nothing can be missing, even if it was found before', async () => {
    const { state, asked, who } = world();
    state.hub = () => ANN;
    expect(await who('new')).toBe('ann');
    state.staleMs = 14_000;
    expect(await who('new')).toBe('invalid');
    expect(await who('other')).toBe('invalid');
    expect(asked).toHaveLength(1);
  });

  it('that the hub does not know is asked for again only after its time', async () => {
    const { asked, who, pass } = world();
    expect(await who('wrong')).toBe('invalid');
    pass(1_900);
    expect(await who('wrong')).toBe('invalid');
    expect(asked).toHaveLength(1);
    pass(200);
    expect(await who('wrong')).toBe('invalid');
    expect(asked).toHaveLength(2);
  });

  it.each([
    ['none', 'invalid', 'invalid'],
    ['strict', 'invalid', 'invalid'],
    ['resilient', 'ann', 'invalid'],
    ['allow', 'ann', 'anonymous'],
  ] as const)('while the hub is away, %s: found before %s, never seen %s', async (mode, before, never) => {
    const { state, who, pass } = world(mode);
    state.hub = () => ANN;
    expect(await who('old')).toBe('ann');
    state.hub = () => 'away';
    pass(61_000);
    expect([await who('old'), await who('new')]).toEqual([before, never]);
  });

  it('waits a second for a hub that does not answer, not longer', async () => {
    const { state, who, pass } = world();
    state.hub = () => undefined;
    const answer = who('new');
    pass(999);
    expect(await Promise.race([answer, Promise.resolve('waits')])).toBe('waits');
    pass(1);
    expect(await answer).toBe('invalid');
  });

  it.each(['strict', 'allow'] as const)(
    'a flood of wrong keys costs the hub its budget at most, and lets nobody pass (%s)',
    async (mode) => {
      const { asked, who, pass } = world(mode);
      const seen = new Set<string>();
      for (let second = 0; second < 3; second += 1) {
        for (let i = 0; i < 500; i += 1) seen.add(await who(`wrong-${second}-${i}`, `192.0.2.${i % 100}`));
        pass(1_000);
      }
      expect(seen).toEqual(new Set(['invalid']));
      expect(asked).toHaveLength(3 * SEARCHES_PER_SECOND);
    },
  );

  it('a source that sent many wrong keys is not asked for any more; others are', async () => {
    const { state, asked, who, pass } = world();
    for (let i = 0; i < 200; i += 1) {
      await who(`wrong-${i}`);
      pass(50);
    }
    expect(asked.length).toBeLessThan(120);
    let last = '';
    for (let i = 0; i < 10 && last !== 'throttled'; i += 1) last = await who(`burst-${i}`);
    state.hub = () => ANN;
    expect(await who('right')).toBe('throttled');
    expect(await who('right', '192.0.2.2')).toBe('ann');
  });
});
