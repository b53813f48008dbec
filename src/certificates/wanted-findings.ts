import { nameOf } from '../policy/policy-index.ts';
import type { Resource } from '../resources/catalogue.ts';
import type { NameSet } from './model.ts';
import { covers } from './names.ts';
import type { NamingListener } from './naming.ts';
import type { CoveredName } from './packing.ts';

/** What is to be said of a policy beside its certificates. */
export interface PolicyFinding {
  readonly severity: 'error' | 'warning' | 'info';
  /** CamelCase, as a condition's reason. */
  readonly reason:
    | 'NoNames'
    | 'IssuerMissing'
    | 'NameInvalid'
    | 'CoveredByWildcard'
    | 'AlsoWanted'
    | 'ListenerNotCovered'
    | 'NotServed';
  readonly message: string;
}

/** What of other objects goes into a policy's certificates. */
export interface Source {
  readonly names: NameSet;
  readonly invalid: readonly string[];
  readonly clusters: readonly string[];
  readonly listeners: readonly NamingListener[];
  readonly issuers: readonly {
    readonly key: string;
    readonly revision: string | undefined;
    /** The internal CA, after one that people trust. */
    readonly standsIn: boolean;
  }[];
  readonly most: number;
}

/** @param nameless it wants no certificate at all */
export function findingsOf(
  policy: Resource<'CertificatePolicy'>,
  source: Source,
  covered: readonly CoveredName[],
  nameless: boolean,
): readonly PolicyFinding[] {
  const findings: PolicyFinding[] = [
    ...source.invalid.map(
      (message): PolicyFinding => ({ severity: 'error', reason: 'NameInvalid', message }),
    ),
    ...issuerFindings(source),
    ...(nameless ? [noNames(policy)] : []),
    ...covered.map(
      ({ name, by }): PolicyFinding => ({
        severity: 'info',
        reason: 'CoveredByWildcard',
        message: `${name} is served by the certificate for ${by}, and stands in none itself`,
      }),
    ),
    ...listenerFindings(source),
  ];
  if (source.clusters.length === 0 && !nameless)
    findings.push({
      severity: 'warning',
      reason: 'NotServed',
      message: 'no listener of a Gateway names it in tls.certificateRefs, and `clusters` selects none',
    });
  return findings;
}

function noNames({ spec }: Resource<'CertificatePolicy'>): PolicyFinding {
  return {
    severity: 'warning',
    reason: 'NoNames',
    message:
      spec.selector === undefined
        ? 'it has no names yet: set dnsNames, or name it in tls.certificateRefs of a listener with a hostname'
        : 'it has no names yet: its selector selects no hostnames',
  };
}

function issuerFindings({ issuers }: Source): readonly PolicyFinding[] {
  const missing = issuers.filter(({ revision }) => revision === undefined);
  if (missing.length === 0) return [];
  return missing.map(({ key }) => ({
    severity: missing.length === issuers.length ? 'error' : 'warning',
    reason: 'IssuerMissing',
    message: `there is no Issuer ${key}`,
  }));
}

function listenerFindings({ listeners, names }: Source): readonly PolicyFinding[] {
  return listeners
    .filter(({ hostname }) => hostname !== undefined && !names.some((name) => covers(name, hostname)))
    .map(({ gateway, listener, hostname }) => ({
      severity: 'warning',
      reason: 'ListenerNotCovered',
      message: `listener ${listener} of Gateway ${nameOf(gateway)} is for ${hostname ?? ''}, which none of its names covers`,
    }));
}

/** Names that several policies want: each gets a certificate of its own, which CAs count. */
export class Claims {
  readonly #first = new Map<string, string>();
  readonly #several = new Map<string, string[]>();

  add(policy: string, names: NameSet): void {
    for (const name of names) {
      const first = this.#first.get(name);
      if (first === undefined) this.#first.set(name, policy);
      else {
        const all = this.#several.get(name);
        if (all === undefined) this.#several.set(name, [first, policy]);
        else all.push(policy);
      }
    }
  }

  others(policy: string, names: NameSet): readonly PolicyFinding[] {
    if (this.#several.size === 0) return [];
    return names.flatMap((name) => {
      const others = this.#several.get(name)?.filter((other) => other !== policy) ?? [];
      return others.length === 0
        ? []
        : [
            {
              severity: 'info' as const,
              reason: 'AlsoWanted' as const,
              message: `${name} is also among the names of ${others.slice(0, 3).join(', ')}${others.length > 3 ? ` and ${others.length - 3} more` : ''}`,
            },
          ];
    });
  }
}
