import type { Condition } from './metadata.ts';

/** A condition as long as nobody has written it: without times. */
export type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** Types that `readiness` decides; what an object has of `Reconciling` and `Stalled` besides is dropped. */
export const READINESS_TYPES: readonly string[] = ['Ready', 'Reconciling', 'Stalled'];

/**
 * What `kubectl wait`, Flux and Argo CD look at: `Ready` always, `Reconciling` while it is on its way by itself, `Stalled` when a person has to act. The
 * latter two are there only while they are true. Page: https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
 * @param verdicts all there is, `Accepted` among it
 * @param waiting the hub has not looked at the newest spec yet
 */
export function readiness(verdicts: readonly Verdict[], waiting: boolean): readonly Verdict[] {
  const of = (type: string): Verdict | undefined => verdicts.find((verdict) => verdict.type === type);
  const accepted = of('Accepted');
  if (accepted?.status === 'False') {
    const { reason, message } = accepted;
    return [
      { type: 'Ready', status: 'False', reason, message },
      { type: 'Stalled', status: 'True', reason, message },
    ];
  }
  const deciding = of('Ready') ?? of('Programmed') ?? accepted;
  if (waiting || deciding === undefined || accepted?.status === 'Unknown') {
    const message = 'the hub looks at it';
    return [
      { type: 'Ready', status: 'Unknown', reason: 'Pending', message },
      { type: 'Reconciling', status: 'True', reason: 'Pending', message },
    ];
  }
  const { status, reason, message } = deciding;
  const ready: Verdict = { type: 'Ready', status, reason, message };
  return status === 'True' ? [ready] : [ready, { type: 'Reconciling', status: 'True', reason, message }];
}
