import type { DomainName } from '../../src/dns/name.ts';
import { parseType, RCODE, rcodeName } from '../../src/dns/types.ts';

/** What every authoritative server has to answer to one question. */
export interface ExpectedAnswer {
  readonly name: DomainName;
  /** `A`, `TXT`. */
  readonly type: string;
  /** Countries, subdivisions and `unknown` that are answered alike; empty: everybody is. */
  readonly places: readonly string[];
  /** The records of the type must be one of these lists, each sorted and in canonical presentation form; `[]`: none. */
  readonly oneOf: readonly (readonly string[])[];
  /** A longer TTL is an answer from before; absent: not judged. */
  readonly ttlSeconds?: number;
}

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
  if (!expected.oneOf.some((list) => list.join('\n') === text)) {
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
function wanted({ type, oneOf }: ExpectedAnswer): string {
  const texts = oneOf.slice(0, MAX_SHOWN).map(listed);
  const more = oneOf.length - texts.length;
  return `${type} ${texts.join(' or ')}${more > 0 ? ` or ${more} more` : ''}`;
}

const MAX_SHOWN = 4;

function listed(values: readonly string[]): string {
  if (values.length === 0) return 'nothing';
  const shown = values.slice(0, MAX_SHOWN).join(', ');
  return values.length > MAX_SHOWN ? `${shown} and ${values.length - MAX_SHOWN} more` : shown;
}
