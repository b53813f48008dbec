import { describe, expect, it } from 'vitest';
import { assign, assignOne, type Vantage } from './assignment.ts';

const hub: Vantage = { id: 'hub/h', kind: 'hub', failureDomain: 'hub' };
const agent = (name: string, failureDomain = name): Vantage => ({
  id: `agent/${name}`,
  kind: 'agent',
  failureDomain,
  cluster: `default/${name}`,
});
const agents = Array.from({ length: 12 }, (_, index) => agent(`c${index}`));
const targets = Array.from({ length: 1_200 }, (_, index) => ({
  id: `target-${index}`,
  cluster: `default/c${index % 12}`,
  failureDomain: `c${index % 12}`,
}));

/** Vantage points by target. */
function probers(vantages: readonly Vantage[]): Map<string, Set<string>> {
  const found = new Map(targets.map((target) => [target.id, new Set<string>()]));
  for (const [vantage, ids] of assign(targets, vantages)) for (const id of ids) found.get(id)?.add(vantage);
  return found;
}

describe('assignment', () => {
  it('gives each target its own agent, the hub, and three agents of other failure domains', () => {
    const found = probers([hub, ...agents]);
    for (const target of targets) {
      const chosen = found.get(target.id) ?? new Set();
      expect(chosen.size).toBe(5);
      expect(chosen.has('hub/h')).toBe(true);
      expect(chosen.has(`agent/${target.cluster.slice('default/'.length)}`)).toBe(true);
    }
  });

  it('chooses other failure domains, one agent each', () => {
    const twins = [
      ...agents,
      ...agents.map(({ failureDomain }) => agent(`${failureDomain}-twin`, failureDomain)),
    ];
    const domainOf = new Map(twins.map((vantage) => [vantage.id, vantage.failureDomain]));
    for (const chosen of probers([hub, ...twins]).values()) {
      const domains = [...chosen].filter((id) => id !== 'hub/h').map((id) => domainOf.get(id));
      expect(domains.length).toBe(4);
      expect(new Set(domains).size).toBe(4);
    }
  });

  it('works with what there is', () => {
    expect([...assign(targets, [hub])].map(([id, ids]) => [id, ids.length])).toEqual([['hub/h', 1_200]]);
    expect(assignOne({ id: 't', cluster: 'default/c0', failureDomain: 'c0' }, [hub, agent('c0')])).toEqual([
      'hub/h',
      'agent/c0',
    ]);
    expect([...assign(targets, [])]).toEqual([]);
    expect([...assign([], [hub])]).toEqual([['hub/h', []]]);
  });

  it('does not depend on the order of the vantage points', () => {
    expect(probers([...agents, hub].reverse())).toEqual(probers([hub, ...agents]));
  });

  it('moves only the work of the agent that goes, and gives it back when it returns', () => {
    const before = probers([hub, ...agents]);
    const after = probers([hub, ...agents.slice(1)]);
    let moved = 0;
    for (const [id, chosen] of before) {
      const now = after.get(id) ?? new Set();
      if (chosen.has('agent/c0')) {
        moved += 1;
        for (const other of chosen) if (other !== 'agent/c0') expect(now.has(other)).toBe(true);
      } else {
        expect(now).toEqual(chosen);
      }
    }
    expect(moved).toBeGreaterThan(300);
  });

  it('spreads the work', () => {
    const work = [...assign(targets, [hub, ...agents])]
      .filter(([id]) => id !== 'hub/h')
      .map(([, ids]) => ids.length);
    expect(Math.min(...work)).toBeGreaterThan(320);
    expect(Math.max(...work)).toBeLessThan(480);
  });

  it('I13 gives the same work however the targets fare, and assigns one target as it assigns all', () => {
    const found = probers([hub, ...agents]);
    for (const target of targets.slice(0, 50)) {
      expect(new Set(assignOne(target, [hub, ...agents]))).toEqual(found.get(target.id));
    }
  });
});
