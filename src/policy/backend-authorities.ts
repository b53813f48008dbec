import type { Resource } from '../resources/catalogue.ts';
import { PORTOLAN_GROUP } from '../resources/route-fields.ts';
import type { Unresolved } from './backend-book.ts';
import { type Finding, finding, type PolicyReport } from './compile-report.ts';
import { authorityKey, notASecret } from './listeners.ts';
import type { CompiledBackend } from './model.ts';
import { compareAges } from './precedence.ts';
import { sameValue } from './same-value.ts';
import { placeOfSecret, type SecretWorld } from './secret-place.ts';
import { SecretRefBook } from './secret-refs.ts';

type TlsPolicy = Resource<'BackendTLSPolicy'>;

export interface BackendAuthorityWorld extends SecretWorld {
  readonly tlsPolicies: readonly TlsPolicy[];
}

/** A backend as BackendTLSPolicies name it. */
export interface TlsPlace {
  /** `namespace/name` */
  readonly name: string;
  readonly port: number | undefined;
  /** Of a Service. */
  readonly portName?: string | undefined;
}

/** How connections to what a BackendTLSPolicy names are encrypted. */
export interface Authority {
  readonly policy: TlsPolicy;
  readonly tls: { readonly tls: NonNullable<CompiledBackend['tls']> } | { readonly unresolved: Unresolved };
  /** Authorities that the hub has. */
  readonly bundles: SecretRefBook;
}

/** The BackendTLSPolicies by what they name. One that says what it said before is the same `Authority`. */
export class BackendAuthorities {
  readonly #world: BackendAuthorityWorld;
  readonly #policies = new Map<string, TlsPolicy[]>();
  readonly #known = new Map<TlsPolicy, Authority>();
  readonly #inUse = new Set<TlsPolicy>();
  #before: ReadonlyMap<TlsPolicy, Authority>;

  constructor(world: BackendAuthorityWorld, before: BackendAuthorities | undefined) {
    this.#world = world;
    this.#before = before === undefined ? NOTHING : before.#known;
    for (const policy of world.tlsPolicies) {
      for (const ref of policy.spec.targetRefs) {
        if (!leadsToBackend(ref)) continue;
        const key = `${policy.metadata.namespace}/${ref.name}:${ref.sectionName ?? '*'}`;
        const known = this.#policies.get(key);
        if (known === undefined) this.#policies.set(key, [policy]);
        else known.push(policy);
      }
    }
    for (const policies of this.#policies.values()) policies.sort((a, b) => compareAges(ageOf(a), ageOf(b)));
  }

  /** The oldest BackendTLSPolicy of the port (of a Service: of the port's name), else of the whole Service. */
  of({ name, port, portName }: TlsPlace): Authority | undefined {
    if (this.#policies.size === 0) return undefined;
    const [policy] =
      (portName === undefined ? undefined : this.#policies.get(`${name}:${portName}`)) ??
      this.#policies.get(`${name}:${port ?? '-'}`) ??
      this.#policies.get(`${name}:*`) ??
      [];
    if (policy === undefined) return undefined;
    const known = this.#known.get(policy);
    if (known !== undefined) return known;
    const now = this.#authority(policy);
    const before = this.#before.get(policy);
    const own = before !== undefined && sameAuthority(before, now) ? before : now;
    this.#known.set(policy, own);
    return own;
  }

  #authority(policy: TlsPolicy): Authority {
    const { validation } = policy.spec;
    const bundles = new SecretRefBook();
    const problem = this.#problem(policy);
    // Sending in plain text what was meant to be encrypted is worse than not sending it.
    if (problem !== undefined)
      return {
        policy,
        tls: { unresolved: { reason: 'InvalidCACertificateRef', message: problem } },
        bundles,
      };
    const tls = {
      serverName: validation.hostname,
      subjectAltNames: validation.subjectAltNames.map((san) =>
        san.type === 'Hostname'
          ? ({ type: 'hostname', value: san.hostname } as const)
          : ({ type: 'uri', value: san.uri } as const),
      ),
      bundles: validation.caCertificateRefs.map(({ name }) =>
        authorityKey(policy.metadata.namespace, name, this.#world, bundles),
      ),
    };
    return { policy, tls: { tls }, bundles };
  }

  #problem({ metadata, spec }: TlsPolicy): string | undefined {
    for (const ref of spec.validation.caCertificateRefs) {
      if (!isSecret(ref)) return notASecret(ref);
      const place = placeOfSecret(this.#world, `${metadata.namespace}/${ref.name}`, 'authority');
      if ('problem' in place) return place.problem;
    }
    return undefined;
  }

  /** A backend that somebody refers to has it. */
  use({ policy }: Authority): void {
    this.#inUse.add(policy);
  }

  /** @param gateways `namespace/name` of those that are compiled */
  reports(gateways: readonly string[]): readonly PolicyReport[] {
    const contested = [...this.#policies.values()].filter((policies) => policies.length > 1);
    return this.#world.tlsPolicies
      .map((policy) => ({
        kind: 'BackendTLSPolicy' as const,
        namespace: policy.metadata.namespace,
        name: policy.metadata.name,
        findings: this.#findings(policy, contested),
        ancestors: this.#inUse.has(policy) ? gateways : [],
      }))
      .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
  }

  #findings(policy: TlsPolicy, contested: readonly (readonly TlsPolicy[])[]): readonly Finding[] {
    const older = contested.find((all) => all.includes(policy) && all[0] !== policy)?.[0];
    const wrongKind = policy.spec.targetRefs.find((ref) => !leadsToBackend(ref));
    const bad = this.#problem(policy);
    const refs =
      bad === undefined
        ? finding('ResolvedRefs', true, 'ResolvedRefs', 'Every certificate was found.')
        : finding(
            'ResolvedRefs',
            false,
            policy.spec.validation.caCertificateRefs.every(isSecret)
              ? 'InvalidCACertificateRef'
              : 'InvalidKind',
            bad,
          );
    if (older !== undefined) {
      const winner = `${older.metadata.namespace}/${older.metadata.name}`;
      return [finding('Accepted', false, 'Conflicted', `${winner} is older and targets the same.`), refs];
    }
    if (wrongKind !== undefined) {
      const { kind, name } = wrongKind;
      return [
        finding('Accepted', false, 'Invalid', `${kind} ${name} is neither a Service nor a Backend.`),
        refs,
      ];
    }
    if (bad !== undefined) return [finding('Accepted', false, 'NoValidCACertificate', bad), refs];
    return [finding('Accepted', true, 'Accepted', 'The policy is in use.'), refs];
  }

  /** After the last question. */
  close(): void {
    this.#before = NOTHING;
  }
}

const NOTHING: ReadonlyMap<TlsPolicy, Authority> = new Map();

function sameAuthority(a: Authority, b: Authority): boolean {
  return sameValue(a.tls, b.tls) && sameValue(a.bundles.refs(), b.bundles.refs());
}

function isSecret(ref: { readonly group: string; readonly kind: string }): boolean {
  return ref.group === '' && ref.kind === 'Secret';
}

export function leadsToBackend(ref: { readonly group: string; readonly kind: string }): boolean {
  return ref.group === '' ? ref.kind === 'Service' : ref.group === PORTOLAN_GROUP && ref.kind === 'Backend';
}

function ageOf({ metadata }: Resource): { readonly created: string; readonly route: string } {
  return { created: metadata.creationTimestamp, route: `${metadata.namespace}/${metadata.name}` };
}
