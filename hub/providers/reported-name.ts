import type { ProviderKind, ProviderZone } from '../../providers/contract.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { challengeDesired } from '../../src/plan/challenge.ts';
import type { CompileReport } from '../../src/plan/compile-report.ts';
import { delegationOf } from '../../src/plan/delegation.ts';
import { type ExpectedAnswer, expectedOf, expectedOfDelegation } from '../../src/plan/expectation.ts';
import { compileName } from '../../src/plan/native-or-computed.ts';
import { poolSuffix } from '../../src/plan/ownership.ts';
import type { Resource } from '../../src/resources/catalogue.ts';
import type { RegionTable, StateView } from '../../src/routing/model.ts';
import type { World } from '../reconcile/world.ts';
import type { IndexedName } from './name-index.ts';
import type { HeldZone } from './zone-keys.ts';
import type { WantedName } from './zone-worker.ts';

/** A name that is wanted in a zone, with what is said of it. */
export interface ReportedName extends WantedName {
  readonly report: CompileReport;
  /** Why `desired.sets` is not there although nothing is refused. */
  readonly pending?: string;
  /** What a person has to do by hand besides. */
  readonly problem?: string;
  /** What every authoritative server has to answer. */
  readonly expected: () => readonly ExpectedAnswer[];
}

export interface NameInput {
  readonly world: World;
  readonly zone: HeldZone;
  readonly kind: ProviderKind;
  readonly at: ProviderZone;
  readonly view: StateView;
  readonly regions: RegionTable;
  /** The first states of the endpoints are waited for. */
  readonly waits: boolean;
}

/** Never throws: one name that cannot be compiled keeps no other one back. */
export function reportedName(indexed: IndexedName, input: NameInput): ReportedName {
  try {
    if (indexed.kind === 'Challenge') return challenged(indexed, input);
    return indexed.kind === 'Zone' ? delegated(indexed, input) : routed(indexed, input);
  } catch (thrown) {
    const { message, fix } = PortolanError.from(thrown);
    return refused(indexed, input, { message, fix });
  }
}

function routed(indexed: IndexedName, input: NameInput): ReportedName {
  const { name: hostname, object } = indexed;
  const { world, zone, kind, at } = input;
  const entry = world.policies.get(object);
  if (entry?.routed === undefined) {
    const first = entry?.violations[0];
    return refused(indexed, input, {
      message: first?.message ?? 'the policy is not valid',
      fix: first?.fix ?? 'Correct the policy.',
    });
  }
  const suffix = poolSuffix(zone.wanted.origin, hostname);
  const made = compileName({
    policy: entry.routed.compiled,
    hostname,
    dns: entry.resource.spec.dns,
    state: input.view,
    regions: input.regions,
    target: (id) => world.targets.get(id),
    zone: zone.wanted.origin,
    provider: {
      name: zone.provider,
      healthChecks: kind.capabilities.healthChecks,
      ttl: kind.capabilities.ttl,
      ownTypes: kind.capabilities.ownTypes,
      compile: (placement) =>
        kind.compile({ placement, zone: at, spec: zone.resource.spec, poolSuffix: suffix }),
    },
  });
  const { desired, aids, report } = made;
  const expected = (): readonly ExpectedAnswer[] => expectedOf(made);
  if (!input.waits) return { desired, aids, report, expected };
  const pending = 'waits for the first states of its endpoints';
  return { desired: { ...desired, sets: undefined }, aids, report, expected, pending };
}

function delegated(indexed: IndexedName, input: NameInput): ReportedName {
  const { world, zone, kind } = input;
  const resource = world.objects.Zone.get(indexed.object);
  if (resource === undefined)
    return refused(indexed, input, { message: 'the Zone is gone', fix: 'Create it again.' });
  const delegation = delegationOf({
    zone: indexed.object,
    spec: resource.spec,
    ttlSeconds: resource.spec.delegation?.ttlSeconds ?? resource.spec.ttlSeconds,
    ds: dsOf(resource),
    provider: {
      name: zone.provider,
      zone: zone.wanted.origin,
      ttl: kind.capabilities.ttl,
      unsupportedTypes: kind.capabilities.unsupportedTypes,
    },
  });
  const { desired, report, problem } = delegation;
  return {
    desired,
    aids: [],
    report,
    expected: () => expectedOfDelegation(delegation),
    ...(problem === undefined ? {} : { problem }),
    ...(desired.sets === undefined ? { pending: 'waits for the keys of the zone' } : {}),
  };
}

function challenged(
  { name, object, text }: IndexedName & { readonly kind: 'Challenge' },
  { zone, kind }: NameInput,
): ReportedName {
  return {
    desired: challengeDesired({ object, text, ttl: kind.capabilities.ttl }),
    aids: [],
    report: {
      hostname: name,
      provider: zone.provider,
      zone: zone.wanted.origin,
      outcome: 'computed',
      features: [],
      hubDown:
        'A challenge of a certificate stands until the hub is back; it answers nobody but certificate authorities.',
    },
    // Whoever gets the certificate asks for it.
    expected: () => [],
  };
}

/** What the zone above should have; `undefined` while the keys of a zone that is to be signed are not known. */
export function dsOf({ spec, status }: Resource<'Zone'>) {
  if (status?.dnssec !== undefined) return status.dnssec.ds;
  return spec.dnssec === undefined ? [] : undefined;
}

function refused(
  { name, kind, object }: IndexedName,
  { zone }: NameInput,
  refusal: { readonly message: string; readonly fix: string },
): ReportedName {
  return {
    desired: {
      name,
      resource: `${kind.toLowerCase()}/${object}`,
      sets: undefined,
      types: kind === 'Zone' ? ['NS', 'DS'] : kind === 'Challenge' ? ['TXT'] : ['A', 'AAAA', 'CNAME'],
      shared: false,
    },
    aids: [],
    report: {
      hostname: name,
      provider: zone.provider,
      zone: zone.wanted.origin,
      outcome: 'refused',
      features: [],
      refusal,
      hubDown: 'Nothing is changed at the provider, with the hub or without.',
    },
    expected: () => [],
  };
}

/** The wanted name of a policy's hostname, among those of a zone. */
export function reportedOf(
  names: readonly ReportedName[],
  policy: string,
  hostname: DomainName,
): ReportedName | undefined {
  return names.find(
    ({ desired }) => desired.name === hostname && desired.resource === `trafficpolicy/${policy}`,
  );
}
