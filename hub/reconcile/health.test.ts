import { describe, expect, it } from 'vitest';
import { DEFAULT_QUORUM } from '../../src/health/types.ts';
import { createHubHealth } from './health.ts';
import { CONTEXT, cluster, policy, worldOf } from './testing.ts';

describe('the last healthy answer of a residency rule', () => {
  const residency = [{ region: 'EU', unknownLocation: 'allow', onAllDown: { action: 'lastAnswer' } }];
  const world = worldOf(
    cluster('de-1', 'DE', '192.0.2.1'),
    cluster('fr-1', 'FR', '192.0.2.2'),
    cluster('us-1', 'US', '192.0.2.3'),
    policy('one', ['one.shop.example'], ['de-1', 'us-1'], { residency }),
    policy('two', ['two.shop.example'], ['fr-1', 'us-1'], { residency }),
  );
  const targets = [...world.targets.values()];
  const idOf = (address: string): string => targets.find((t) => t.address === address)?.id ?? '';

  it('follows the targets of each policy, and what others do leaves it', () => {
    let nowMs = 0;
    const health = createHubHealth({
      quorum: DEFAULT_QUORUM,
      monotonicMs: () => nowMs,
      wallMs: () => nowMs,
      onChange: () => undefined,
    });
    health.setTargets(targets);
    health.setPolicies(
      [...world.policies.values()].flatMap((p) => (p.routed === undefined ? [] : [p.routed.policy])),
      CONTEXT.regions,
    );
    let sequence = 0;
    const second = (up: readonly string[]): void => {
      nowMs += 1_000;
      sequence += 1;
      for (const vantage of ['a', 'b', 'c']) {
        health.ingest({
          vantage: `agent/${vantage}`,
          failureDomain: vantage,
          incarnation: 'first',
          sequence,
          connectedAgeMs: 0,
          complete: true,
          votes: targets.map((t) => ({
            targetId: t.id,
            verdict: up.includes(t.address) ? 'up' : 'down',
            ageMs: 0,
            sinceMs: 0,
            detail: '',
          })),
        });
      }
      health.tick();
    };
    const remembered = () => ['one', 'two'].map((name) => health.view.lastHealthy(`default/${name}`, 'EU'));

    expect(remembered()).toEqual([[], []]);
    for (let i = 0; i < 6; i += 1) second(['192.0.2.1', '192.0.2.3']);
    expect(remembered()).toEqual([['de-1'], []]);
    for (let i = 0; i < 60; i += 1) second(['192.0.2.1', '192.0.2.2', '192.0.2.3']);
    expect(health.state(idOf('192.0.2.2'))).toBe('up');
    expect(remembered()).toEqual([['de-1'], ['fr-1']]);
    for (let i = 0; i < 6; i += 1) second(['192.0.2.3']);
    expect([health.state(idOf('192.0.2.1')), health.state(idOf('192.0.2.2'))]).toEqual(['down', 'down']);
    expect(remembered()).toEqual([['de-1'], ['fr-1']]);
  });
});
