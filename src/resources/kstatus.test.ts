import { describe, expect, it } from 'vitest';
import { readiness, type Verdict } from './kstatus.ts';

const verdict = (type: string, status: Verdict['status']): Verdict => ({
  type,
  status,
  reason: `${type}Reason`,
  message: `${type} is ${status}`,
});

/**
 * What kstatus makes of conditions: Reconciling, then Stalled, then Ready decides (kubernetes-sigs/cli-utils, pkg/kstatus/status:
 * checkGenericProperties and checkReadyCondition).
 */
function computed(conditions: readonly Verdict[]): 'Current' | 'InProgress' | 'Failed' {
  for (const { type, status } of conditions) {
    if (type === 'Reconciling' && status === 'True') return 'InProgress';
    if (type === 'Stalled' && status === 'True') return 'Failed';
  }
  const ready = conditions.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}

describe('conditions that Flux, Argo CD and kubectl wait read', () => {
  it.each<[string, readonly Verdict[], boolean, ReturnType<typeof computed>, Verdict['status']]>([
    ['nothing is known', [], false, 'InProgress', 'Unknown'],
    ['the hub looks at it', [verdict('Accepted', 'True')], true, 'InProgress', 'Unknown'],
    ['it may be accepted', [verdict('Accepted', 'Unknown')], false, 'InProgress', 'Unknown'],
    ['it is not accepted', [verdict('Accepted', 'False')], false, 'Failed', 'False'],
    [
      'what it lacks does not come by waiting',
      [verdict('Accepted', 'False'), verdict('Programmed', 'True')],
      true,
      'Failed',
      'False',
    ],
    ['accepted is all there is', [verdict('Accepted', 'True')], false, 'Current', 'True'],
    [
      'it is not in effect yet',
      [verdict('Accepted', 'True'), verdict('Programmed', 'False')],
      false,
      'InProgress',
      'False',
    ],
    [
      'it is in effect',
      [verdict('Accepted', 'True'), verdict('Programmed', 'True')],
      false,
      'Current',
      'True',
    ],
    [
      'the hub itself says not ready',
      [verdict('Programmed', 'True'), verdict('Ready', 'False')],
      false,
      'InProgress',
      'False',
    ],
    [
      'the hub itself says ready',
      [verdict('Programmed', 'False'), verdict('Ready', 'True')],
      false,
      'Current',
      'True',
    ],
  ])('%s', (_case, verdicts, waiting, status, ready) => {
    const made = readiness(verdicts, waiting);
    expect(computed(made)).toBe(status);
    expect(made.find(({ type }) => type === 'Ready')?.status).toBe(ready);
    // One says wait, the other says do something: never both, and neither when all is well.
    const abnormal = made.filter(({ type }) => type !== 'Ready');
    expect(abnormal.map((one) => one.status)).toEqual(status === 'Current' ? [] : ['True']);
  });
});
