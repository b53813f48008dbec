import { parseType, RCODE, rcodeName } from '../../src/dns/types.ts';
import type { ExpectedAnswer } from '../../src/plan/expectation.ts';

export type { ExpectedAnswer } from '../../src/plan/expectation.ts';

/** What a server answered, or that it did not. */
export type Observed =
  | {
      readonly kind: 'answer';
      readonly rcode: number;
      readonly authoritative: boolean;
      readonly records: readonly {
        readonly type: number;
        readonly ttlSeconds: number;
        readonly data: string;
      }[];
    }
  | { readonly kind: 'silent'; readonly why: string };

/** @returns what is wrong with it, to go behind the server's name; `undefined`: it is as expected */
export function judge(expected: ExpectedAnswer, observed: Observed): string | undefined {
  if (observed.kind === 'silent') return `did not answer (${observed.why})`;
  const { rcode, authoritative, records } = observed;
  const type = parseType(expected.type);
  const found = records.filter((record) => record.type === type);
  const values = found.map(({ data }) => data).sort();
  const none = expected.oneOf.some((values) => values.length === 0);
  if (rcode !== RCODE.NOERROR && !(rcode === RCODE.NXDOMAIN && none)) {
    return `answered ${rcodeName(rcode)} instead of ${wanted(expected)}`;
  }
  if (!authoritative) return 'answered without authority: it does not serve the zone';
  const text = values.join('\n');
  const isDrawn = values.length > 0 && values.every((value) => expected.someOf?.includes(value));
  if (!isDrawn && !expected.oneOf.some((list) => list.join('\n') === text)) {
    return `answered ${listed(values)} instead of ${wanted(expected)}`;
  }
  const { ttlSeconds } = expected;
  const longest = found.reduce((most, record) => Math.max(most, record.ttlSeconds), 0);
  if (ttlSeconds !== undefined && longest > ttlSeconds) {
    return `answered with TTL ${longest} instead of ${ttlSeconds}`;
  }
  return undefined;
}

/** `A 192.0.2.1`, for messages. */
function wanted({ type, oneOf, someOf }: ExpectedAnswer): string {
  const texts = oneOf.slice(0, MAX_SHOWN).map(listed);
  const more = oneOf.length - texts.length;
  if (someOf !== undefined && someOf.length > 0)
    return `${type} ${[`some of ${listed(someOf)}`, ...texts].join(' or ')}`;
  return `${type} ${texts.join(' or ')}${more > 0 ? ` or ${more} more` : ''}`;
}

const MAX_SHOWN = 4;

function listed(values: readonly string[]): string {
  if (values.length === 0) return 'nothing';
  const shown = values.slice(0, MAX_SHOWN).join(', ');
  return values.length > MAX_SHOWN ? `${shown} and ${values.length - MAX_SHOWN} more` : shown;
}
