import type { AdmissionViolation } from '../api/services.ts';
import { canonicalJson, sha256Hex } from '../store/canonical.ts';
import type { HeldChange, SourceName } from './contract.ts';
import type { Step } from './difference.ts';

/** Refusals that a person may override, as `force` does at the API; anything else is a mistake in what the source says. */
const OVERRIDABLE: readonly string[] = ['LAST_CAPACITY', 'CHANGE_BUDGET_EXCEEDED'];

/** A source removes so many objects in one pass without asking, or a quarter of its own if that is more. */
const PRUNE_FREELY = 5;

/** How many objects of `managed` a source may remove in one pass. */
export function pruneLimit(managed: number): number {
  return Math.max(PRUNE_FREELY, Math.floor(managed / 4));
}

/** True when an admin could let the change through. */
export function canBeHeld(violations: readonly { readonly code: string }[]): boolean {
  return violations.length > 0 && violations.every(({ code }) => OVERRIDABLE.includes(code));
}

/** One change that waits for an admin, with what to write once it is approved. */
export interface Held {
  readonly change: HeldChange;
  readonly step: Step;
}

/** @param since RFC 3339 */
export function heldByGuard(
  source: SourceName,
  step: Step,
  violations: readonly AdmissionViolation[],
  since: string,
): Held {
  const id = idOfHold([source, step.id, step.verb, contentOf(step)]);
  const fix = approval(id);
  return {
    step,
    change: {
      id,
      source,
      key: step.key,
      verb: step.verb,
      origin: step.origin,
      violations: violations.map(({ path, code, message }) => ({ path, code, message, fix })),
      since,
    },
  };
}

/**
 * All removals of a pass that are too many, under one id: whoever approves it approves this set, and not a part of it whose rest would be
 * few enough to go by itself.
 */
export function heldByPruning(
  source: SourceName,
  steps: readonly Step[],
  managed: number,
  since: string,
): readonly Held[] {
  const id = idOfHold([source, 'prune', steps.map((step) => [step.id, contentOf(step)])]);
  const fix = `Put the documents back; or, if it is meant, ${approval(id)}`;
  const message = `${steps.length} of ${managed} objects would be removed at once; at most ${pruneLimit(managed)} are without approval`;
  const violations = [{ path: '', code: 'PRUNE_LIMIT', message, fix }] as const;
  return steps.map((step) => ({
    step,
    change: { id, source, key: step.key, verb: step.verb, origin: step.origin, violations, since },
  }));
}

function approval(id: string): string {
  return `let an admin approve it: \`portolan source approve ${id} --reason …\`.`;
}

function idOfHold(content: unknown): string {
  return sha256Hex(canonicalJson(content)).slice(0, 12);
}

/** What makes a change this one. Of a Secret only which keys: an id must not help to guess a value. */
function contentOf({ write: { proposed } }: Step): unknown {
  if (proposed.type === 'delete') return proposed.current.metadata.uid;
  const { next } = proposed;
  const spec = next.kind === 'Secret' ? Object.keys(next.spec.stringData ?? {}).sort() : next.spec;
  return { labels: next.labels, annotations: next.annotations, finalizers: next.finalizers, spec };
}
