import type { Finding } from '../../src/policy/compile-report.ts';
import type { Condition } from '../../src/resources/metadata.ts';

/** A condition to be: time and generation are added where it is written. */
export type Verdict = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

export function verdictsOf(findings: readonly Finding[]): readonly Verdict[] {
  return findings.map(({ type, status, reason, message }) => ({
    type,
    status: status ? 'True' : 'False',
    reason,
    message,
  }));
}

/** Worse ones last. */
const ORDER = ['True', 'Unknown', 'False'] as const;

/** Types for which `True` is the bad news, as the Gateway API has them. */
const NEGATIVE = new Set(['Conflicted', 'OverlappingTLSConfig']);

/**
 * One condition for what several clusters say: the worst of each type. Where they differ, the message names the cluster. In the order of
 * the types' first appearance.
 */
export function across(byCluster: ReadonlyMap<string, readonly Verdict[]>): readonly Verdict[] {
  const worst = new Map<
    string,
    { readonly verdict: Verdict; readonly cluster: string; readonly all: boolean }
  >();
  for (const [cluster, verdicts] of byCluster) {
    for (const verdict of verdicts) {
      const known = worst.get(verdict.type);
      if (known === undefined) {
        worst.set(verdict.type, { verdict, cluster, all: true });
        continue;
      }
      const same = known.verdict.status === verdict.status && known.verdict.reason === verdict.reason;
      if (same) continue;
      const next = badness(verdict) > badness(known.verdict) ? { verdict, cluster } : known;
      worst.set(verdict.type, { ...next, all: false });
    }
  }
  return [...worst.values()].map(({ verdict, cluster, all }) =>
    all
      ? verdict
      : { ...verdict, message: `on cluster ${cluster.split('/')[1] ?? cluster}: ${verdict.message}` },
  );
}

function badness({ type, status }: Verdict): number {
  const place = ORDER.indexOf(status);
  return NEGATIVE.has(type) ? ORDER.length - 1 - place : place;
}
