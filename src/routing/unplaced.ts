import type { CompiledPolicy } from './compiled.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { UNLOCATED } from './location.ts';
import type { RegionTable, StateView } from './model.ts';
import { compileResidency } from './residency.ts';
import type { Candidate } from './selection.ts';

/** More would not fit into an answer that has to cross every path in one packet, signatures included. */
export const MAX_PLAIN_ADDRESSES = 16;

/** Everything is up, nothing is drained. */
export const ALL_HEALTHY: StateView = {
  target: () => ({ state: 'up', earliestChangeMs: Number.POSITIVE_INFINITY }),
  cluster: () => ({}),
  lastHealthy: () => [],
  staleForMs: 0,
};

/**
 * The policy as it binds records that cannot tell who asks: with every residency rule in force for everybody, whatever it says of
 * unknown locations. Evaluate it for `UNLOCATED` only.
 */
export function everywhereRestricted(policy: CompiledPolicy, regions: RegionTable): CompiledPolicy {
  if (policy.source.residency.length === 0) return policy;
  return {
    ...policy,
    residency: compileResidency(
      policy.source.residency.map((rule) => ({ ...rule, unknownLocation: 'restrict' as const })),
      regions,
      policy.endpoints,
    ),
    walks: new Map(),
  };
}

/**
 * What plain records answer everybody with: as for a client of unknown location, the heaviest first, because records cannot draw.
 * @param restricted as `everywhereRestricted` gives it
 * @param qtype as in `TYPE` of `src/dns/types.ts`
 */
export function unplacedEvaluation(
  restricted: CompiledPolicy,
  qtype: number,
  state: StateView,
): Pick<Evaluation, 'mode' | 'wanted' | 'candidates' | 'maintenance'> {
  const evaluation = evaluate(restricted, { qtype, located: UNLOCATED }, state);
  return { ...evaluation, candidates: heaviestFirst(evaluation.candidates) };
}

/** Of equals, the policy's order decides. */
function heaviestFirst(candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.toSorted((a, b) => b.weight - a.weight || a.endpoint.index - b.endpoint.index);
}
