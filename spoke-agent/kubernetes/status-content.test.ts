import { describe, expect, it } from 'vitest';
import { containing } from '../../test/support/matchers.ts';
import {
  digestOf,
  gatewayWithTimes,
  ownEntries,
  parseGatewayStatus,
  parseOwnEntries,
  statusWith,
  withTimes,
} from './status-content.ts';

const OURS = 'portolan.dev/gateway-controller';
const EARLY = '2026-01-01T00:00:00Z';
const NOW = '2026-11-22T10:00:00Z';
const condition = (type: string, status: 'True' | 'False', lastTransitionTime = EARLY) => ({
  type,
  status,
  reason: type,
  message: 'fine',
  observedGeneration: 2,
  lastTransitionTime,
});
const entry = (name: string, status: 'True' | 'False' = 'True', controllerName = OURS) => ({
  parentRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name },
  controllerName,
  conditions: [condition('Accepted', status)],
});

describe('statuses in the API server', () => {
  it('a time moves with the status of its condition, and stays when only its words change', () => {
    const standing = [condition('Accepted', 'True'), condition('Programmed', 'False')];
    const wanted = [
      { ...condition('Accepted', 'True', ''), message: 'other words', observedGeneration: 3 },
      condition('Programmed', 'True', ''),
      condition('ResolvedRefs', 'True', ''),
    ];
    expect(withTimes(wanted, standing, NOW).map((c) => c.lastTransitionTime)).toEqual([EARLY, NOW, NOW]);
  });

  it('a Gateway keeps the times of each of its listeners', () => {
    const standing = parseGatewayStatus({
      conditions: [condition('Accepted', 'True')],
      listeners: [{ name: 'a', attachedRoutes: 1, conditions: [condition('Accepted', 'True')] }],
    });
    const wanted = parseGatewayStatus({
      conditions: [condition('Accepted', 'True', NOW)],
      clusters: [{ name: 'ams', programmed: true, detail: '' }],
      listeners: [
        { name: 'a', attachedRoutes: 2, conditions: [condition('Accepted', 'True', NOW)] },
        { name: 'b', attachedRoutes: 0, conditions: [condition('Accepted', 'True', '')] },
      ],
    });
    const timed = gatewayWithTimes(wanted, standing, NOW);
    expect(timed.listeners.map(({ conditions }) => conditions[0]?.lastTransitionTime)).toEqual([EARLY, NOW]);
    expect(timed.conditions[0]?.lastTransitionTime).toBe(EARLY);
    expect(JSON.stringify(timed)).not.toContain('clusters');
  });

  it('of a route only our entries are taken in place of our entries, and those of others stay as they are', () => {
    const theirs = { ...entry('web', 'True', 'example.com/other'), somethingNew: { a: 1 } };
    const status = { parents: [entry('gone'), theirs, entry('web')] };
    const next = statusWith('HTTPRoute', status, parseOwnEntries([entry('web', 'False')]), NOW);
    expect(next).toEqual({
      parents: [
        theirs,
        { ...entry('web'), conditions: [{ ...condition('Accepted', 'False'), lastTransitionTime: NOW }] },
      ],
    });
  });

  it('nothing is written when it says that already, whatever the times and the order of fields', () => {
    const status = { parents: [entry('web')] };
    const { name, ...rest } = entry('web').parentRef;
    const same = [
      { ...entry('web'), parentRef: { name, ...rest }, conditions: [condition('Accepted', 'True', NOW)] },
    ];
    expect(statusWith('HTTPRoute', status, parseOwnEntries(same), NOW)).toBeUndefined();
    expect(statusWith('HTTPRoute', undefined, [], NOW)).toBeUndefined();
    expect(ownEntries('HTTPRoute', status)).toBe(digestOf(parseOwnEntries(same)));
    expect(ownEntries('HTTPRoute', { parents: [entry('web', 'False')] })).not.toBe(
      ownEntries('HTTPRoute', status),
    );
  });

  it('entries are taken back when there are none any more', () => {
    const theirs = entry('web', 'True', 'example.com/other');
    const status = { parents: [theirs, entry('web')] };
    expect(statusWith('GRPCRoute', status, [], NOW)).toEqual({ parents: [theirs] });
  });

  it('a list has no more entries than the definition lets it have', () => {
    const others = Array.from({ length: 16 }, (_, i) => ({
      ancestorRef: { name: `other-${i}` },
      controllerName: 'example.com/other',
      conditions: [],
    }));
    const own = { ancestorRef: { name: 'web' }, controllerName: OURS, conditions: [] };
    const next = statusWith('BackendTLSPolicy', { ancestors: others }, parseOwnEntries([own]), NOW);
    expect(next).toEqual({ ancestors: others });
  });

  it('what cannot be read counts as nothing', () => {
    expect(ownEntries('Gateway', 7)).toBe('');
    expect(ownEntries('HTTPRoute', { parents: 'x' })).toBe('');
    expect(ownEntries('Gateway', { conditions: [condition('Accepted', 'True')] })).toEqual(
      containing('Accepted'),
    );
  });
});
