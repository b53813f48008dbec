import type { Resource } from '../resources/catalogue.ts';
import type { PolicyTargetReference } from '../resources/policy-attachment.ts';
import { type Finding, finding, type PolicyReport } from './compile-report.ts';
import { levelOf, type PolicyBlock, type PolicyLevel } from './effective-policy.ts';
import { sameMembers } from './same-value.ts';

export type PolicyKind = 'AuthPolicy' | 'GatewayPolicy' | 'RateLimitPolicy';

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

/** All that policies may name, by `namespace/name`. */
export type PolicyTargets = {
  readonly [K in PolicyTargetReference['kind']]: ReadonlyMap<string, Resource<K>>;
};

export interface PolicyWorld {
  readonly targets: PolicyTargets;
  readonly clusterLabels: Readonly<Record<string, string>>;
}

/** What policies name, worked out once for as long as they are the same. */
interface Targeted<K extends PolicyKind, V> {
  readonly policies: readonly Resource<K>[];
  readonly blocks: ReadonlyMap<Resource<K>, PolicyBlock<V>>;
  readonly byTarget: ReadonlyMap<string, readonly PolicyBlock<V>[]>;
  /** One of those that `byTarget` has. */
  readonly example: ReadonlyMap<string, readonly [namespace: string, ref: PolicyTargetReference]>;
  /** Keys of routes that a policy names, or a rule of. */
  readonly routes: ReadonlySet<string>;
}

/** Policies on the way to a place, least specific first. */
export interface Chain<V> {
  readonly key: string;
  readonly blocks: readonly PolicyBlock<V>[];
}

/** Policies of one kind by what they are attached to. */
export class PolicyIndex<K extends PolicyKind, V> {
  readonly #kind: K;
  readonly #targeted: Targeted<K, V>;
  readonly #levels = new Map<string, PolicyLevel<V>>();
  readonly #selecting: readonly Resource<K>[];
  readonly #world: PolicyWorld;
  /** Blocks that were in a chain, those of which a rule held, and the Gateways they were met at. */
  readonly #seen = new Map<PolicyBlock<V>, Set<string>>();
  readonly #used = new Set<PolicyBlock<V>>();
  readonly #bases = new Map<Resource<'Gateway'>, Map<string | undefined, Chain<V>>>();

  /** @param before of other policies or the same, of which something is taken over */
  constructor(
    kind: K,
    policies: readonly Resource<K>[],
    blockOf: (policy: Resource<K>) => PolicyBlock<V>,
    world: PolicyWorld,
    before?: PolicyIndex<K, V>,
  ) {
    this.#kind = kind;
    this.#world = world;
    const known = before === undefined ? undefined : before.#targeted;
    this.#targeted =
      known !== undefined && sameMembers(known.policies, policies) ? known : targetedBy(policies, blockOf);
    this.#selecting = policies.filter(({ spec }) => spec.selector !== undefined);
  }

  /** Some policy names a route. */
  get namesRoutes(): boolean {
    return this.#targeted.routes.size > 0;
  }

  /** A policy names the route or a rule of it. @param key `routeKey` */
  names(key: string): boolean {
    return this.#targeted.routes.has(key);
  }

  /**
   * The policies on the way to a place, least specific first, and a key that is equal for places with equal chains (at one listener,
   * routes and rules that no policy names share theirs).
   */
  chain(place: PolicyPlace): Chain<V> {
    const { gateway, listener, route, rule } = place;
    const base = this.#baseChain(gateway, listener);
    if (route === undefined) return base;
    const own = routeKey(route);
    if (!this.names(own)) return base;
    const keys = [own];
    if (rule !== undefined) keys.push(`${own}|${rule}`);
    const targeted = keys.filter((key) => this.#targeted.byTarget.has(key));
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
    const level = levelOf(this.#targeted.byTarget.get(key) ?? []);
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
        .flatMap((policy) => this.#targeted.blocks.get(policy) ?? []);
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
    const losers = new Map<PolicyBlock<V>, PolicyBlock<V>>();
    for (const [key, blocks] of this.#targeted.byTarget) {
      const example = this.#targeted.example.get(key);
      if (blocks.length > 1 && example !== undefined && this.#exists(...example)) this.#level(key);
    }
    for (const level of this.#levels.values()) {
      for (const { block, winner } of level.conflicted) losers.set(block, winner);
    }
    return this.#targeted.policies
      .flatMap((policy) => this.#report(policy, losers))
      .sort((a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1));
  }

  /** Nothing, when the policy is in order and holds for Gateways of other clusters only: those have the say. */
  #report(policy: Resource<K>, losers: ReadonlyMap<PolicyBlock<V>, PolicyBlock<V>>): readonly PolicyReport[] {
    const block = this.#targeted.blocks.get(policy);
    const winner = block === undefined ? undefined : losers.get(block);
    const seen = block === undefined ? undefined : this.#seen.get(block);
    const { namespace } = policy.metadata;
    const missing = (policy.spec.targetRefs ?? []).filter((ref) => !this.#exists(namespace, ref));
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

  #exists(namespace: string, { kind, name, sectionName }: PolicyTargetReference): boolean {
    const target = this.#world.targets[kind].get(`${namespace}/${name}`);
    if (target === undefined || sectionName === undefined) return target !== undefined;
    const sections: readonly { readonly name?: string | undefined }[] =
      target.kind === 'Gateway' ? target.spec.listeners : target.spec.rules;
    return sections.some((section) => section.name === sectionName);
  }
}

function targetedBy<K extends PolicyKind, V>(
  policies: readonly Resource<K>[],
  blockOf: (policy: Resource<K>) => PolicyBlock<V>,
): Targeted<K, V> {
  const blocks = new Map<Resource<K>, PolicyBlock<V>>();
  const byTarget = new Map<string, PolicyBlock<V>[]>();
  const example = new Map<string, readonly [string, PolicyTargetReference]>();
  const routes = new Set<string>();
  for (const policy of policies) {
    const block = blockOf(policy);
    blocks.set(policy, block);
    const { namespace } = policy.metadata;
    const refs = new Map((policy.spec.targetRefs ?? []).map((ref) => [keyOf(namespace, ref), ref]));
    for (const [key, ref] of refs) {
      const known = byTarget.get(key);
      if (known === undefined) byTarget.set(key, [block]);
      else known.push(block);
      example.set(key, [namespace, ref]);
      if (ref.kind !== 'Gateway') routes.add(`${ref.kind}|${namespace}/${ref.name}`);
    }
  }
  return { policies, blocks, byTarget, example, routes };
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

/** What policies call a route. */
export function routeKey(route: NonNullable<PolicyPlace['route']>): string {
  return `${route.kind}|${nameOf(route)}`;
}

function keyOf(namespace: string, ref: PolicyTargetReference): string {
  const target = `${ref.kind}|${namespace}/${ref.name}`;
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
