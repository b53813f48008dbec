import { canonicalJson } from '../identity/canonical-json.ts';
import { sha256Hex } from '../identity/digest.ts';
import type { Resource } from '../resources/catalogue.ts';
import type { RegionTable } from '../routing/model.ts';
import type { AnyRoute } from './attachment.ts';
import { type AuthItem, compileAuth } from './compile-auth.ts';
import { type EdgeItem, EdgeValues } from './compile-edge.ts';
import { type PlacedLater, type QuotaBook, type QuotaItem, quotaPolicy } from './compile-quota.ts';
import { type Effective, EffectiveBook } from './effective-book.ts';
import type { Hostname } from './hostnames.ts';
import { listChange } from './list-change.ts';
import type { JudgedListener } from './listeners.ts';
import type { CompiledAuth, CompiledEdge, CompiledRule } from './model.ts';
import { type PolicyIndex, type PolicyPlace, routeKey } from './policy-index.ts';
import { type ResidencyWish, residencyRules } from './residency.ts';
import { kept } from './same-value.ts';
import { SecretRefBook } from './secret-refs.ts';
import { changedRecord, EMPTY_RECORD, type SortedRecord, sortedRecord } from './sorted-record.ts';

export type EffectiveAuth = Effective<
  AuthItem,
  { readonly id?: string; readonly compiled?: CompiledAuth; readonly secrets: SecretRefBook }
>;
export type EffectiveEdge = Effective<EdgeItem, EdgeValues>;
export type EffectiveQuota = Effective<QuotaItem, PlacedLater | undefined>;

/** What holds for a rule of a route at a listener. */
export interface EffectivePolicies {
  readonly auth: EffectiveAuth;
  readonly edge: EffectiveEdge;
  readonly quota: EffectiveQuota;
}

export function samePolicies(a: EffectivePolicies | undefined, b: EffectivePolicies | undefined): boolean {
  return a === b || (a?.auth === b?.auth && a?.edge === b?.edge && a?.quota === b?.quota);
}

export interface RuleBookWorld {
  readonly auth: PolicyIndex<'AuthPolicy', AuthItem>;
  readonly edge: PolicyIndex<'GatewayPolicy', EdgeItem>;
  readonly quota: PolicyIndex<'RateLimitPolicy', QuotaItem>;
  readonly quotaBook: QuotaBook;
  readonly secrets: SecretRefBook;
  /** Residency rules of TrafficPolicies beside a Gateway. */
  readonly wishesOf: (namespace: string) => readonly ResidencyWish[];
  readonly country: string | undefined;
  readonly regions: RegionTable;
}

/** An edge under its name. */
export interface NamedEdge {
  readonly id: string;
  readonly edge: CompiledEdge;
}

interface Records {
  readonly rules: SortedRecord<CompiledRule>;
  readonly auth: SortedRecord<CompiledAuth>;
  readonly edge: SortedRecord<CompiledEdge>;
}

/** What the book of before has. */
interface Before {
  readonly plain: ReadonlyMap<JudgedListener, readonly EffectivePolicies[]>;
  readonly rules: readonly CompiledRule[];
  readonly records: Records;
}

const NO_RECORDS: Records = { rules: EMPTY_RECORD, auth: EMPTY_RECORD, edge: EMPTY_RECORD };
const NOTHING: Before = { plain: new Map(), rules: [], records: NO_RECORDS };

/**
 * Rules and the policies that hold for them. Equal policies are one, by a digest of their content. What says the same as before is the
 * same object; what many rules share is worked out once.
 */
export class RuleBook {
  readonly #world: RuleBookWorld;
  readonly #auth: EffectiveBook<'AuthPolicy', AuthItem, EffectiveAuth['made']>;
  readonly #edge: EffectiveBook<'GatewayPolicy', EdgeItem, EdgeValues>;
  readonly #quota: EffectiveBook<'RateLimitPolicy', QuotaItem, PlacedLater | undefined>;
  /** What holds at a listener for routes that no policy names. */
  readonly #plain = new Map<JudgedListener, readonly EffectivePolicies[]>();
  /** Of one route after the other. */
  readonly #rules: CompiledRule[] = [];
  /** Those that something names; of the others in `#madeEdges` it is not known yet. */
  readonly #edges = new Map<string, CompiledEdge>();
  readonly #madeEdges = new Map<string, CompiledEdge>();
  /** By the residency rules that were picked for the hosts. */
  readonly #edgesOf = new Map<EffectiveEdge, Map<string, NamedEdge>>();
  #before: Before;
  #records = NO_RECORDS;

  constructor(world: RuleBookWorld, before: RuleBook | undefined) {
    this.#world = world;
    this.#before =
      before === undefined
        ? NOTHING
        : { plain: before.#plain, rules: before.#rules, records: before.#records };
    this.#auth = new EffectiveBook(world.auth, madeOfAuth, before === undefined ? undefined : before.#auth);
    this.#edge = new EffectiveBook(
      world.edge,
      (rules) => new EdgeValues(rules),
      before === undefined ? undefined : before.#edge,
    );
    this.#quota = new EffectiveBook(
      world.quota,
      quotaPolicy,
      before === undefined ? undefined : before.#quota,
    );
  }

  /**
   * What holds for a route at a listener, rule by rule; one for all of them where no policy names the route. The same list as before for
   * routes that are not named.
   */
  policiesAt(listener: JudgedListener, route: AnyRoute): readonly EffectivePolicies[] {
    if (!this.#names(route)) return this.#plainAt(listener);
    const place = { gateway: listener.gateway, listener: listener.spec.name, route };
    return route.spec.rules.map(({ name }) =>
      this.#at(name === undefined ? place : { ...place, rule: name }),
    );
  }

  #names(route: AnyRoute): boolean {
    const { auth, edge, quota } = this.#world;
    if (!auth.namesRoutes && !edge.namesRoutes && !quota.namesRoutes) return false;
    const key = routeKey(route);
    return auth.names(key) || edge.names(key) || quota.names(key);
  }

  #plainAt(listener: JudgedListener): readonly EffectivePolicies[] {
    const known = this.#plain.get(listener);
    if (known !== undefined) return known;
    const now = this.#at({ gateway: listener.gateway, listener: listener.spec.name });
    const before = this.#before.plain.get(listener);
    const own = before !== undefined && samePolicies(before[0], now) ? before : [now];
    this.#plain.set(listener, own);
    return own;
  }

  #at(place: PolicyPlace): EffectivePolicies {
    return { auth: this.#auth.at(place), edge: this.#edge.at(place), quota: this.#quota.at(place) };
  }

  /** The edge of a port, before a host is known. */
  portEdge(gateway: Resource<'Gateway'>): string {
    const named = this.edgeOf(this.#edge.at({ gateway }), gateway, undefined);
    this.#edges.set(named.id, named.edge);
    return named.id;
  }

  /** @param hosts that a route is served for; undefined: no host is known */
  edgeOf(
    policy: EffectiveEdge,
    { metadata }: Resource<'Gateway'>,
    hosts: readonly Hostname[] | undefined,
  ): NamedEdge {
    const { wishesOf, country, regions } = this.#world;
    const values = policy.made;
    const wishes = [
      ...values.residencyWishes,
      ...(values.residencyFromTrafficPolicies ? wishesOf(metadata.namespace) : []),
    ];
    // Before a host is known nobody can say which rules bind; they hold for requests.
    const rules =
      hosts === undefined || wishes.length === 0 ? [] : residencyRules(wishes, hosts, country, regions);
    const key = rules.length === 0 ? '' : JSON.stringify(rules);
    const own = this.#edgesOf.get(policy) ?? new Map<string, NamedEdge>();
    this.#edgesOf.set(policy, own);
    const known = own.get(key);
    if (known !== undefined) return known;
    const edge = values.edge(rules);
    const id = digestId(edge);
    const named = { id, edge: this.#madeEdges.get(id) ?? this.#before.records.edge.record[id] ?? edge };
    this.#madeEdges.set(id, named.edge);
    own.set(key, named);
    return named;
  }

  /** Rules that a route has, and the edges they name. */
  add(rules: readonly CompiledRule[], edges: readonly NamedEdge[]): void {
    for (const rule of rules) this.#rules.push(rule);
    for (const { id, edge } of edges) if (this.#edges.get(id) !== edge) this.#edges.set(id, edge);
  }

  /** The rule as it was before when it says the same. */
  known(rule: CompiledRule): CompiledRule {
    const { record } = this.#before.records.rules;
    return Object.hasOwn(record, rule.id) ? kept(record[rule.id], rule) : rule;
  }

  /** After the last rule: books what they need of Secrets and limits, and forgets what was before. */
  close(): void {
    const before = this.#before.records;
    const auth = new Map<string, CompiledAuth>();
    for (const { made } of this.#auth.all) {
      this.#world.secrets.take(made.secrets);
      if (made.id !== undefined && made.compiled !== undefined)
        auth.set(made.id, before.auth.record[made.id] ?? made.compiled);
    }
    for (const { made } of this.#quota.all) if (made !== undefined) this.#world.quotaBook.add(made);
    const { gone, came } = listChange(this.#before.rules, this.#rules);
    this.#records = {
      rules: changedRecord(
        before.rules,
        gone.map(({ id }) => id),
        new Map(came.map((rule) => [rule.id, rule])),
      ),
      auth: sortedRecord(auth, before.auth),
      edge: sortedRecord(this.#edges, before.edge),
    };
    for (const book of [this.#auth, this.#edge, this.#quota]) book.close();
    this.#before = NOTHING;
  }

  /** After `close`. */
  compiled(): { readonly [K in keyof Records]: Records[K]['record'] } {
    const { rules, auth, edge } = this.#records;
    return { rules: rules.record, auth: auth.record, edge: edge.record };
  }
}

function madeOfAuth(rules: Parameters<typeof compileAuth>[0] | undefined): EffectiveAuth['made'] {
  const secrets = new SecretRefBook();
  const compiled = rules === undefined ? undefined : compileAuth(rules, secrets);
  return compiled === undefined ? { secrets } : { id: digestId(compiled), compiled, secrets };
}

function digestId(value: object): string {
  return sha256Hex(canonicalJson(value)).slice(0, 16);
}
