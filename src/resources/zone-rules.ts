import { type DomainName, isAtOrBelow, tryParseName } from '../dns/name.ts';
import type { FieldViolation } from '../errors/error.ts';
import type { ZoneSpec } from './zone.ts';

/**
 * The absolute name of a record as written in a zone: `@` is the origin, a name with a trailing dot is absolute, any
 * other is relative to the origin. `reason` when it is no name.
 */
function recordName(name: string, origin: DomainName): DomainName | { readonly reason: string } {
  if (name === '@') return origin;
  if (name.endsWith('.') && !name.endsWith('\\.')) return tryParseName(name);
  return tryParseName(origin === '.' ? `${name}.` : `${name}.${origin}`);
}

/** What a Zone must satisfy beyond its shape: names that parse and lie in the zone, name servers that a delegation can lead to. Paths start at `spec`. */
export function zoneViolations(spec: ZoneSpec): readonly FieldViolation[] {
  return [...delegationViolations(spec), ...recordViolations(spec)];
}

/** Resolvers come by the zone above: they need addresses of name servers that lie below the delegation (RFC 1034 section 4.2.1). */
function delegationViolations({ delegation, origin, nameServers }: ZoneSpec): readonly FieldViolation[] {
  if (delegation === undefined) return [];
  if (origin === '.') {
    return [
      {
        path: 'spec.delegation',
        code: 'VALIDATION_FAILED',
        message: 'the root zone has no zone above it',
        fix: 'Remove `delegation`.',
      },
    ];
  }
  return nameServers.flatMap(({ name, addresses }, i): readonly FieldViolation[] =>
    addresses.length > 0 || !isAtOrBelow(name, origin)
      ? []
      : [
          {
            path: `spec.nameServers[${i}].addresses`,
            code: 'VALIDATION_FAILED',
            message: `${name} lies in ${origin}, so that nobody finds it without its addresses in the zone above`,
            fix: 'Add its addresses, or use a name outside the zone.',
          },
        ],
  );
}

function recordViolations(spec: ZoneSpec): readonly FieldViolation[] {
  return spec.records.flatMap((record, i): readonly FieldViolation[] => {
    const path = `spec.records[${i}].name`;
    const name = recordName(record.name, spec.origin);
    if (typeof name === 'object') {
      return [
        {
          path,
          code: 'DNS_NAME_INVALID',
          message: name.reason,
          fix: 'Write "@", a name relative to the origin, or an absolute name with a trailing dot.',
        },
      ];
    }
    if (!isAtOrBelow(name, spec.origin)) {
      return [
        {
          path,
          code: 'DNS_RECORD_INVALID',
          message: `${name} does not lie in the zone ${spec.origin}`,
          fix: `Write a name at or below ${spec.origin}.`,
        },
      ];
    }
    return [];
  });
}
