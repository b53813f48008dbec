import type { Resource } from '../resources/catalogue.ts';
import type { PolicyTargetReference } from '../resources/policy-attachment.ts';
import { type Finding, finding, type PolicyReport } from './compile-report.ts';
import { levelOf, type PolicyBlock, type PolicyLevel } from './effective-policy.ts';

type PolicyKind = 'AuthPolicy' | 'GatewayPolicy' | 'RateLimitPolicy';

/** The namespace whose policies may select Gateways of every namespace. */
export const HUB_NAMESPACE = 'default';

/** Where an effective policy is asked for. */
export interface PolicyPlace {
  readonly gateway: Resource<'Gateway'>;
  /** Name of a listener. */
  readonly listener?: string;
  readonly route?: Resource<'HTTPRoute'> | Resource<'GRPCRoute'>;
  /** Name of a rule. */
  readonly rule?: string;
}

export interface PolicyWorld {
  readonly gateways: readonly Resource<'Gateway'>[];
  readonly httpRoutes: readonly Resource<'HTTPRoute'>[];
  readonly grpcRoutes: readonly Resource<'GRPCRoute'>[];
  readonly clusterLabels: Readonly<Record<string, string>>;
}

/** Policies on the way to a place, least specific first. */
export interface Chain<V> {
  readonly key: string;
  readonly blocks: readonly PolicyBlock<V>[];
}

/** Policies of one kind by what they are attached to. */
export class PolicyIndex<K extends PolicyKind, V> {
  readonly #kind: K;
  readonly #policies: readonly Resource<K>[];
  readonly #blocks = new Map<Resource<K>, PolicyBlock<V>>();
  readonly #targeted = new Map<string, PolicyBlock<V>[]>();
  readonly #levels = new Map<string, PolicyLevel<V>>();
  readonly #selecting: readonly Resource<K>[];
  readonly #world: PolicyWorld;
  /** Blocks that were in a chain, those of which a rule held, and the Gateways they were met at. */
  readonly #seen = new Map<PolicyBlock<V>, Set<string>>();
  readonly #used = new Set<PolicyBlock<V>>();
  readonly #bases = new Map<Resource<'Gateway'>, Map<string | undefined, Chain<V>>>();
  readonly #routesTargeted: boolean;

  constructor(
    kind: K,
    policies: readonly Resource<K>[],
    blockOf: (policy: Resource<K>) => PolicyBlock<V>,
    world: PolicyWorld,
  ) {
    this.#kind = kind;
    this.#policies = policies;
    this.#world = world;
    this.#selecting = policies.filter(({ spec }) => spec.selector !== undefined);
    for (const policy of policies) {
      const block = blockOf(policy);
      this.#blocks.set(policy, block);
      for (const target of new Set((policy.spec.targetRefs ?? []).map((ref) => keyOf(policy, ref)))) {
        const known = this.#targeted.get(target);
        if (known === undefined) this.#targeted.set(target, [block]);
        else known.push(block);
      }
    }
    this.#routesTargeted = [...this.#targeted.keys()].some((key) => !key.startsWith('Gateway|'));
  }

  /**
   * The policies on the way to a place, least specific first, and a key that is equal for places with equal chains (at one listener,
   * routes and rules that no policy names share theirs).
   */
  chain(place: PolicyPlace): Chain<V> {
    const { gateway, listener, route, rule } = place;
    const base = this.#baseChain(gateway, listener);
    if (route === undefined) return base;
    const routeKey = this.#routeKey(route);
    if (routeKey === undefined) return base;
    const keys = [routeKey];
    if (rule !== undefined) keys.push(`${routeKey}|${rule}`);
    const targeted = keys.filter((key) => this.#targeted.has(key));
    if (targeted.length === 0) return base;
    return {
      key: `${base.key} ${targeted.join(' ')}`,
      blocks: [...base.blocks, ...targeted.flatMap((key) => this.#level(key).chain)],
    };
  }

  /** What holds at a listener for every route that no policy names; most of them. */
  #baseChain(gateway: Resource<'Gateway'>, listener: string | undefined): Chain<V> {
    const known = this.#bases.get(gateway)?.get(listener);
    if (known !== undefined) return known;
    const gatewayKey = `Gateway|${nameOf(gateway)}`;
    const keys = listener === undefined ? [gatewayKey] : [gatewayKey, `${gatewayKey}|${listener}`];
    const levels = [...this.#hubWide(gateway), ...keys.map((key) => this.#level(key))];
    const made = { key: keys.join(' '), blocks: levels.flatMap((level) => level.chain) };
    const own = this.#bases.get(gateway) ?? new Map<string | undefined, Chain<V>>();
    this.#bases.set(gateway, own.set(listener, made));
    return made;
  }

  /** Undefined when no policy names the route or a rule of it. */
  #routeKey(route: NonNullable<PolicyPlace['route']>): string | undefined {
    if (!this.#routesTargeted) return undefined;
    const key = `${route.kind}|${nameOf(route)}`;
    return this.#namesARuleOf(key) ? key : undefined;
  }

  /** To be told of every chain that holds somewhere, for `Enforced`. */
  note(gateway: Resource<'Gateway'>, chain: readonly PolicyBlock<V>[], used: Iterable<PolicyBlock<V>>): void {
    for (const block of chain) {
      const gateways = this.#seen.get(block);
      if (gateways === undefined) this.#seen.set(block, new Set([nameOf(gateway)]));
      else gateways.add(nameOf(gateway));
    }
    for (const block of used) this.#used.add(block);
  }

  #level(key: string): PolicyLevel<V> {
    const known = this.#levels.get(key);
    if (known !== undefined) return known;
    const level = levelOf(this.#targeted.get(key) ?? []);
    this.#levels.set(key, level);
    return level;
  }

  /** Those of the hub's namespace, then those of the Gateway's own. */
  #hubWide(gateway: Resource<'Gateway'>): readonly PolicyLevel<V>[] {
    const key = `*|${nameOf(gateway)}`;
    const levels = [HUB_NAMESPACE, gateway.metadata.namespace].map((namespace, at) => {
      if (at === 1 && namespace === HUB_NAMESPACE) return { chain: [], conflicted: [] };
      const known = this.#levels.get(`${key}|${namespace}`);
      if (known !== undefined) return known;
      const blocks = this.#selecting
        .filter((policy) => policy.metadata.namespace === namespace && this.#selects(policy, gateway))
        .flatMap((policy) => this.#blocks.get(policy) ?? []);
      const level = levelOf(blocks);
      this.#levels.set(`${key}|${namespace}`, level);
      return level;
    });
    return levels;
  }

  #selects(policy: Resource<K>, gateway: Resource<'Gateway'>): boolean {
    const { clusters = {}, gateways = {} } = policy.spec.selector ?? {};
    return hasLabels(this.#world.clusterLabels, clusters) && hasLabels(gateway.metadata.labels, gateways);
  }

  /** After every chain was asked for. */
  reports(): readonly PolicyReport[] {
    const targets = this.#existingTargets();
    const losers = new Map<PolicyBlock<V>, PolicyBlock<V>>();
    for (const [key, blocks] of this.#targeted) {
      if (targets.has(key) && blocks.length > 1) this.#level(key);
    }
    for (const level of this.#levels.values()) {
      for (const { block, winner } of level.conflicted) losers.set(block, winner);
    }
    return this.#policies
      .flatMap((policy) => this.#report(policy, targets, losers))
      .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
  }

  /** Nothing, when the policy is in order and holds for Gateways of other clusters only: those have the say. */
  #report(
    policy: Resource<K>,
    targets: ReadonlySet<string>,
    losers: ReadonlyMap<PolicyBlock<V>, PolicyBlock<V>>,
  ): readonly PolicyReport[] {
    const block = this.#blocks.get(policy);
    const winner = block === undefined ? undefined : losers.get(block);
    const seen = block === undefined ? undefined : this.#seen.get(block);
    const missing = (policy.spec.targetRefs ?? []).filter((ref) => !targets.has(keyOf(policy, ref)));
    const lost = seen === undefined ? winner?.source.name : undefined;
    const accepted = acceptance(policy.spec.targetRefs?.length, missing, lost);
    if (seen === undefined && accepted.status) return [];
    const used = block !== undefined && this.#used.has(block);
    return [
      {
        kind: this.#kind,
        namespace: policy.metadata.namespace,
        name: policy.metadata.name,
        findings: seen === undefined ? [accepted] : [accepted, enforcement(used)],
        ancestors: [...(seen ?? [])].sort(),
      },
    ];
  }

  #existingTargets(): ReadonlySet<string> {
    const keys = new Set<string>();
    for (const gateway of this.#world.gateways) {
      keys.add(`Gateway|${nameOf(gateway)}`);
      for (const { name } of gateway.spec.listeners) keys.add(`Gateway|${nameOf(gateway)}|${name}`);
    }
    for (const route of [...this.#world.httpRoutes, ...this.#world.grpcRoutes]) {
      const key = this.#routeKey(route);
      if (key === undefined) continue;
      keys.add(key);
      for (const { name } of route.spec.rules) if (name !== undefined) keys.add(`${key}|${name}`);
    }
    return keys;
  }

  #namesARuleOf(routeKey: string): boolean {
    this.#ruleTargets ??= new Set(
      [...this.#targeted.keys()].map((key) => key.split('|').slice(0, 2).join('|')),
    );
    return this.#ruleTargets.has(routeKey);
  }
  #ruleTargets: ReadonlySet<string> | undefined;
}

function acceptance(
  refs: number | undefined,
  missing: readonly PolicyTargetReference[],
  winner: string | undefined,
): Finding {
  const names = missing.map(
    (ref) => `${ref.kind} ${ref.name}${ref.sectionName === undefined ? '' : ` (${ref.sectionName})`}`,
  );
  if (winner !== undefined) {
    return finding(
      'Accepted',
      false,
      'Conflicted',
      `${winner} is older and targets the same; only one of them can hold.`,
    );
  }
  if (refs !== undefined && missing.length === refs) {
    return finding('Accepted', false, 'TargetNotFound', `There is no ${names.join(', ')}.`);
  }
  const partly = missing.length === 0 ? '' : ` There is no ${names.join(', ')}.`;
  return finding('Accepted', true, 'Accepted', `The policy is in use.${partly}`);
}

function enforcement(used: boolean): Finding {
  return used
    ? finding('Enforced', true, 'Enforced', 'Rules of it hold.')
    : finding('Enforced', false, 'Overridden', 'Other policies override every rule of it.');
}

function keyOf(policy: Resource, ref: PolicyTargetReference): string {
  const target = `${ref.kind}|${policy.metadata.namespace}/${ref.name}`;
  return ref.sectionName === undefined ? target : `${target}|${ref.sectionName}`;
}

export function nameOf(object: Resource): string {
  return `${object.metadata.namespace}/${object.metadata.name}`;
}

export function hasLabels(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}
