import type { AdmissionViolation } from '../api/services.ts';
import type { Wanted } from './contract.ts';
import type { Step } from './difference.ts';

/**
 * What a removal would leave without any answer: hostnames of a TrafficPolicy that no other policy of the source takes over, the names of a Zone. A person
 * who deletes one says so; a file may be missing for many reasons. Undefined: nothing.
 */
export function lastAnswers(
  { write: { proposed } }: Step,
  wanted: ReadonlyMap<string, Wanted>,
): AdmissionViolation | undefined {
  if (proposed.type !== 'delete') return undefined;
  const { current } = proposed;
  const inputs = [...wanted.values()].map(({ input }) => input);
  switch (current.kind) {
    case 'TrafficPolicy': {
      const kept = new Set<string>(
        inputs.flatMap((input) => (input.kind === 'TrafficPolicy' ? input.spec.hostnames : [])),
      );
      const lost = current.spec.hostnames.filter((hostname) => !kept.has(hostname));
      return lost.length === 0 ? undefined : violation(`${listed(lost)} would be answered by nobody`);
    }
    case 'Zone': {
      const { origin } = current.spec;
      const kept = inputs.some((input) => input.kind === 'Zone' && input.spec.origin === origin);
      return kept ? undefined : violation(`nothing in ${origin} would be answered any more`);
    }
    default:
      return undefined;
  }
}

function violation(what: string): AdmissionViolation {
  return {
    change: 0,
    path: '',
    code: 'LAST_CAPACITY',
    message: `its document is gone, and ${what}`,
    fix: 'Put the document back, or let an admin approve the removal.',
  };
}

/** So many are named. */
const NAMED = 3;

function listed(names: readonly string[]): string {
  const more = names.length - NAMED;
  return `${names.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
