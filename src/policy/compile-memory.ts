import type { Resource } from '../resources/catalogue.ts';
import type { RegionTable } from '../routing/model.ts';
import type { Attachments } from './attachments.ts';
import type { BackendBook } from './backend-book.ts';
import type { CompiledGateways } from './compile-contract.ts';
import type { CompiledRoute } from './compile-route.ts';
import type { JudgedListener } from './listeners.ts';
import type { RuleBook, RuleBookWorld } from './rule-book.ts';
import { sameEntries, sameMembers } from './same-value.ts';
import type { ListenerHosts } from './virtual-hosts.ts';

/** What all routes depend on, besides what each of them is asked about. */
export interface Surroundings {
  readonly clientCertificates: ReadonlyMap<Resource<'Gateway'>, string | undefined>;
  readonly callerRoutings: ReadonlyMap<string, Resource<'CallerRouting'>>;
  /** Those with residency rules. */
  readonly trafficPolicies: readonly Resource<'TrafficPolicy'>[];
  readonly country: string | undefined;
  readonly regions: RegionTable;
}

/**
 * What a compile worked out, for the next one of the same cluster. It holds what is in its result and nothing of the compiles before it, and
 * lives as long as that result.
 */
export interface CompileMemory {
  readonly names: { readonly [K in 'HTTPRoute' | 'GRPCRoute']: readonly string[] };
  readonly listeners: readonly JudgedListener[];
  readonly attachments: Attachments;
  readonly surroundings: Surroundings;
  readonly policies: Pick<RuleBookWorld, 'auth' | 'edge' | 'quota'>;
  readonly rules: RuleBook;
  readonly backends: BackendBook;
  /** In the order of `names`, those of the one kind before those of the other. */
  readonly routes: readonly CompiledRoute[];
  /** By id of the listener. */
  readonly hosts: ReadonlyMap<string, ListenerHosts>;
}

const memories = new WeakMap<CompiledGateways, CompileMemory>();

/** What was worked out for this result. */
export function memoryOf(compiled: CompiledGateways | undefined): CompileMemory | undefined {
  return compiled === undefined ? undefined : memories.get(compiled);
}

export function remember(compiled: CompiledGateways, memory: CompileMemory): void {
  memories.set(compiled, memory);
}

export function sameSurroundings(before: Surroundings | undefined, now: Surroundings): boolean {
  return (
    before !== undefined &&
    before.country === now.country &&
    before.regions === now.regions &&
    sameMembers(before.trafficPolicies, now.trafficPolicies) &&
    sameEntries(before.callerRoutings, now.callerRoutings) &&
    before.clientCertificates.size === now.clientCertificates.size &&
    [...now.clientCertificates].every(
      ([gateway, key]) =>
        before.clientCertificates.has(gateway) && before.clientCertificates.get(gateway) === key,
    )
  );
}
