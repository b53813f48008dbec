import { canonicalJson } from '../identity/canonical-json.ts';
import { sha256Hex } from '../identity/digest.ts';
import type { Resource } from '../resources/catalogue.ts';
import type { RegionTable } from '../routing/model.ts';
import type { AnyRoute } from './attachment.ts';
import type { BackendBook } from './backend-book.ts';
import { type AuthItem, compileAuth } from './compile-auth.ts';
import { type EdgeItem, EdgeValues } from './compile-edge.ts';
import type { QuotaBook, QuotaItem } from './compile-quota.ts';
import type { EffectiveEntry } from './compile-report.ts';
import { type EffectiveRules, effectiveRules } from './effective-policy.ts';
import type { Hostname } from './hostnames.ts';
import type { CompiledAuth, CompiledEdge, CompiledRule } from './model.ts';
import { nameOf, type PolicyIndex, type PolicyPlace } from './policy-index.ts';
import { type ResidencyWish, residencyRules } from './residency.ts';
import { compileRuleBody, type RuleBody, ruleNameOf } from './route-rules.ts';
import type { SecretRefBook } from './secret-refs.ts';

/** Of authentication or limits: `id` is that of the compiled policy. */
interface EffectiveById {
  readonly id: string | undefined;
  readonly entries: readonly EffectiveEntry[];
}

interface EffectiveEdge {
  readonly values: EdgeValues;
  readonly entries: readonly EffectiveEntry[];
  /** By the hosts that residency rules were picked for. */
  readonly ids: Map<string, string>;
}

/** A compiled rule, and what policies made of it. */
export interface BookedRule {
  readonly id: string;
  readonly body: RuleBody;
  readonly auth: readonly EffectiveEntry[];
  readonly edge: readonly EffectiveEntry[];
  readonly quota: readonly EffectiveEntry[];
}

/** What a route's rules became so far, by index; several where policies differ between listeners. */
interface BookedRoute {
  readonly prefix: string;
  readonly rules: (
    | {
        readonly auth: string | undefined;
        readonly edge: string;
        readonly quota: string | undefined;
        readonly clientCertificate: string | undefined;
        readonly booked: BookedRule;
      }[]
    | undefined
  )[];
}

export interface RuleBookWorld {
  readonly auth: PolicyIndex<'AuthPolicy', AuthItem>;
  readonly edge: PolicyIndex<'GatewayPolicy', EdgeItem>;
  readonly quota: PolicyIndex<'RateLimitPolicy', QuotaItem>;
  readonly quotaBook: QuotaBook;
  readonly backends: BackendBook;
  readonly callerRoutings: ReadonlyMap<string, Resource<'CallerRouting'>>;
  readonly secrets: SecretRefBook;
  /** Residency rules of TrafficPolicies beside a Gateway. */
  readonly wishesOf: (namespace: string) => readonly ResidencyWish[];
  readonly country: string | undefined;
  readonly regions: RegionTable;
}

/**
 * Compiles rules with their effective policies. Equal policies are one, by a digest of their content; a rule that is the same at several
 * listeners is one. Everything that many rules share is worked out once.
 */
export class RuleBook {
  readonly #world: RuleBookWorld;
  readonly #auths = new Map<string, EffectiveById>();
  readonly #edges = new Map<string, EffectiveEdge>();
  readonly #quotas = new Map<string, EffectiveById>();
  readonly #routes = new Map<AnyRoute, BookedRoute>();
  readonly #rules = new Map<string, CompiledRule>();
  readonly #auth = new Map<string, CompiledAuth>();
  readonly #edge = new Map<string, CompiledEdge>();

  constructor(world: RuleBookWorld) {
    this.#world = world;
  }

  /** The edge of a port, before a host is known. */
  portEdge(gateway: Resource<'Gateway'>): string {
    return this.#edgeId(this.#effectiveEdge({ gateway }), gateway.metadata.namespace, undefined);
  }

  /** A rule of a route at a listener, for the hosts that the route has there. */
  rule(
    place: Required<Pick<PolicyPlace, 'gateway' | 'listener' | 'route'>>,
    index: number,
    hostnames: readonly Hostname[],
    clientCertificate: string | undefined,
  ): BookedRule {
    const { route, gateway } = place;
    const name = route.spec.rules[index]?.name;
    const at: PolicyPlace = name === undefined ? place : { ...place, rule: name };
    const auth = this.#effectiveAuth(at);
    const edge = this.#effectiveEdge(at);
    const quota = this.#effectiveQuota(at);
    const edgeId = this.#edgeId(edge, gateway.metadata.namespace, hostnames);
    const own = this.#routeOf(route);
    const variants = own.rules[index] ?? [];
    own.rules[index] = variants;
    const known = variants.find(
      (v) =>
        v.auth === auth.id &&
        v.edge === edgeId &&
        v.quota === quota.id &&
        v.clientCertificate === clientCertificate,
    );
    if (known !== undefined) return known.booked;
    const base = `${own.prefix}${index}`;
    const variant = `${auth.id ?? ''} ${edgeId} ${clientCertificate ?? ''}${quota.id === undefined ? '' : ` ${quota.id}`}`;
    const id = variants.length === 0 ? base : `${base}~${sha256Hex(variant).slice(0, 8)}`;
    const body =
      variants.find((v) => v.clientCertificate === clientCertificate)?.booked.body ??
      compileRuleBody(route, index, clientCertificate, this.#world.backends, this.#world.callerRoutings);
    this.#rules.set(
      id,
      rememberedRule(id, route, index, body, edge.values, {
        auth: auth.id,
        edge: edgeId,
        quota: quota.id,
      }),
    );
    const booked: BookedRule = { id, body, auth: auth.entries, edge: edge.entries, quota: quota.entries };
    variants.push({ auth: auth.id, edge: edgeId, quota: quota.id, clientCertificate, booked });
    return booked;
  }

  #routeOf(route: AnyRoute): BookedRoute {
    const known = this.#routes.get(route);
    if (known !== undefined) return known;
    const made: BookedRoute = { prefix: `${route.kind}/${nameOf(route)}/`, rules: [] };
    this.#routes.set(route, made);
    return made;
  }

  #effectiveAuth(place: PolicyPlace): EffectiveById {
    const { key, blocks } = this.#world.auth.chain(place);
    const known = this.#auths.get(key);
    if (known !== undefined) return known;
    const rules = effectiveRules(blocks);
    this.#world.auth.note(place.gateway, blocks, holders(rules));
    const compiled = rules === undefined ? undefined : compileAuth(rules, this.#world.secrets);
    const id = compiled === undefined ? undefined : digestId(compiled);
    if (id !== undefined && compiled !== undefined) this.#auth.set(id, compiled);
    const made = { id, entries: entriesOf(rules) };
    this.#auths.set(key, made);
    return made;
  }

  #effectiveQuota(place: PolicyPlace): EffectiveById {
    const { key, blocks } = this.#world.quota.chain(place);
    const known = this.#quotas.get(key);
    if (known !== undefined) return known;
    const rules = effectiveRules(blocks);
    this.#world.quota.note(place.gateway, blocks, holders(rules));
    const made = { id: this.#world.quotaBook.policy(rules), entries: entriesOf(rules) };
    this.#quotas.set(key, made);
    return made;
  }

  #effectiveEdge(place: PolicyPlace): EffectiveEdge {
    const { key, blocks } = this.#world.edge.chain(place);
    const known = this.#edges.get(key);
    if (known !== undefined) return known;
    const rules = effectiveRules(blocks);
    this.#world.edge.note(place.gateway, blocks, holders(rules));
    const made = { values: new EdgeValues(rules), entries: entriesOf(rules), ids: new Map<string, string>() };
    this.#edges.set(key, made);
    return made;
  }

  #edgeId({ values, ids }: EffectiveEdge, namespace: string, hosts: readonly Hostname[] | undefined): string {
    if (
      hosts === undefined ||
      (values.residencyWishes.length === 0 && this.#world.wishesOf(namespace).length === 0)
    ) {
      const plain = ids.get('');
      if (plain !== undefined) return plain;
    }
    const wishes = [
      ...values.residencyWishes,
      ...(values.residencyFromTrafficPolicies ? this.#world.wishesOf(namespace) : []),
    ];
    // Before a host is known nobody can say which rules bind; they hold for requests.
    const rules =
      hosts === undefined || wishes.length === 0
        ? []
        : residencyRules(wishes, hosts, this.#world.country, this.#world.regions);
    const key = rules.length === 0 ? '' : JSON.stringify(rules);
    const known = ids.get(key);
    if (known !== undefined) return known;
    const edge = values.edge(rules);
    const id = digestId(edge);
    this.#edge.set(id, edge);
    ids.set(key, id);
    return id;
  }

  compiled(): {
    readonly rules: Readonly<Record<string, CompiledRule>>;
    readonly auth: Readonly<Record<string, CompiledAuth>>;
    readonly edge: Readonly<Record<string, CompiledEdge>>;
  } {
    return { rules: sorted(this.#rules), auth: sorted(this.#auth), edge: sorted(this.#edge) };
  }
}

const compiledRules = new WeakMap<RuleBody, CompiledRule>();

/** The same object as last time when the body is (which is of one rule of one route), and the policies are called the same. */
function rememberedRule(...input: Parameters<typeof compiledRule>): CompiledRule {
  const [id, , , body, , { auth, edge, quota }] = input;
  const known = compiledRules.get(body);
  const same = known?.id === id && known.auth === auth && known.edge === edge && known.quota === quota;
  // Of retries the policy says how many there may be, and that has no name.
  if (same && body.retry === undefined) return known;
  const made = compiledRule(...input);
  compiledRules.set(body, made);
  return made;
}

function compiledRule(
  id: string,
  route: AnyRoute,
  index: number,
  body: RuleBody,
  edge: EdgeValues,
  policies: { readonly auth: string | undefined; readonly edge: string; readonly quota: string | undefined },
): CompiledRule {
  const { filters, backends, callers, timeouts, retry, sessionPersistence } = body;
  return {
    id,
    source: { kind: route.kind, name: nameOf(route), sectionName: ruleNameOf(route, index) },
    filters,
    backends,
    callers,
    timeouts,
    ...(retry === undefined ? {} : { retry: { ...retry, budget: edge.retryBudget } }),
    ...(sessionPersistence === undefined ? {} : { sessionPersistence }),
    ...(policies.auth === undefined ? {} : { auth: policies.auth }),
    ...(policies.quota === undefined ? {} : { quota: policies.quota }),
    edge: policies.edge,
  };
}

function digestId(value: object): string {
  return sha256Hex(canonicalJson(value)).slice(0, 16);
}

function holders<V>(rules: EffectiveRules<V> | undefined) {
  return new Set([...(rules?.values() ?? [])].map(({ from }) => from));
}

function entriesOf<V>(rules: EffectiveRules<V> | undefined): readonly EffectiveEntry[] {
  return [...(rules ?? [])]
    .map(([rule, { from }]) => ({ rule, source: from.source, by: from.kind }))
    .sort((a, b) => (a.rule < b.rule ? -1 : 1));
}

function sorted<V>(map: ReadonlyMap<string, V>): Readonly<Record<string, V>> {
  const record: Record<string, V> = {};
  for (const key of [...map.keys()].sort()) {
    const value = map.get(key);
    if (value !== undefined) record[key] = value;
  }
  return record;
}
