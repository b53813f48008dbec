import { TYPE } from '../dns/types.ts';
import { NO_PENDING_CHANGE_MS } from '../health/types.ts';
import type { CidrMatch } from './cidr-index.ts';
import { numberOfPlace, PLACES } from './client-classes.ts';
import type { CompiledPolicy, CompiledTier } from './compiled.ts';
import { freshTtlOf } from './decide.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { countryOf } from './geography.ts';
import { UNLOCATED } from './location.ts';
import type { ClientAddress, GeoLookup, Located, Location, StateView } from './model.ts';
import { type ResidencySet, residencySetOf } from './residency.ts';
import { stickyPrefixLength } from './selection.ts';
import { matchingRules, orderedTiers, usableClient } from './walk.ts';

/** Evaluations held by default; some 500 octets each. */
const DEFAULT_EVALUATIONS = 65_536;
/** Classes of clients a policy tells apart; CIDR blocks times countries could be many. */
const MAX_CLASSES = 250;

/**
 * What the evaluators of one name server thread share: the state view that what they keep is true of, and how much they may
 * keep. When that is exceeded all of it is forgotten.
 */
export class EvaluationCache {
  readonly #limit: number;
  /** What the views say, but for their staleness. */
  #content: object | undefined;
  /** Grows when the view is another. */
  epoch = 0;
  #held = 0;
  /** Weak: policies come and go, and this must not keep those that went. */
  #owners: WeakRef<{ forget(): void }>[] = [];
  /** Of the last `find` of any evaluator: the client, if DNS may use it. */
  client: ClientAddress | undefined;
  /** Of the last `find` of any evaluator: the ECS scope. */
  scopePrefixLength = 0;
  /** Grows when everything is forgotten: who keeps something joins again. */
  generation = 0;

  /** @param evaluations the most that are kept */
  constructor(evaluations = DEFAULT_EVALUATIONS) {
    this.#limit = evaluations;
  }

  get size(): number {
    return this.#held;
  }

  /** @returns the epoch of the view */
  follow(view: StateView): number {
    const content = view.content ?? view;
    if (content !== this.#content) {
      this.#content = content;
      this.epoch += 1;
    }
    return this.epoch;
  }

  /** Who keeps something, once a generation. */
  join(owner: { forget(): void }): void {
    this.#owners.push(new WeakRef(owner));
  }

  /** One more is kept. */
  hold(): void {
    if (this.#held >= this.#limit) {
      for (const one of this.#owners) one.deref()?.forget();
      this.#owners = [];
      this.#held = 0;
      this.generation += 1;
    }
    this.#held += 1;
  }
}

/** An evaluation that answers many queries. */
export interface KeptEvaluation<Extra> {
  readonly epoch: number;
  /** As long as the view is the same; otherwise as `validUntilMs` says. */
  readonly steady: boolean;
  /** What the caller made of it. */
  readonly extra: Extra;
  /** While the view is not stale. */
  readonly ttlSeconds: number;
  readonly usedDistance: boolean;
  /** On the view's clock. */
  readonly validUntilMs: number;
  /** Where the client was, when distance counted; `undefined`: at coordinates that nobody else has. */
  readonly country: string | undefined;
}

/** Clients for whom a policy has the same tiers in the same order and the same endpoints admitted. */
interface ClientClass<Extra> {
  readonly residency: ResidencySet;
  readonly tiers: readonly CompiledTier[];
  /** By `kindOf` the query type. */
  readonly kept: (KeptEvaluation<Extra> | undefined)[];
  /** Where distance counts: by country and kind, beyond the one above. */
  readonly byCountry: Map<string, KeptEvaluation<Extra>>;
}

/**
 * Evaluates one policy for many queries, and evaluates again only when the answer could differ: for a client of another class, when
 * the state view is another, or when time has changed what the view says. Answers drawn from what `find` gives are the answers
 * of `decide`; what explains them (`matches`, `client`, the exact `earliestChangeMs`) may be those of an earlier client.
 */
export class CachedEvaluator<Extra> {
  /*
   * First what the common query reads: objects of thousands of policies do not stay in the processor's cache, so that each 64
   * octets further on cost as much as everything else here.
   */
  readonly #cache: EvaluationCache;
  /** The place plays no part unless nobody in the tiers can answer. */
  readonly #placeless: boolean;
  readonly #stickyBits4: number;
  readonly #stickyBits6: number;
  /** What everybody is answered with where the place plays no part; fields, because a list would be one object more. */
  #placelessA: KeptEvaluation<Extra> | undefined;
  #placelessAaaa: KeptEvaluation<Extra> | undefined;
  #placelessOther: KeptEvaluation<Extra> | undefined;
  readonly #usesLocation: boolean;
  readonly #geo: GeoLookup | undefined;
  /** Number of the class + 1 by country and exactness. */
  #classAt: Uint8Array | undefined;
  #classes: ClientClass<Extra>[] = [];
  readonly #policy: CompiledPolicy;
  readonly #makeExtra: (evaluation: Evaluation, qtype: number, ttlSeconds: number) => Extra;
  #generation = -1;

  /** @param makeExtra what to keep beside an evaluation; made again whenever the view is another */
  constructor(
    policy: CompiledPolicy,
    geo: GeoLookup | undefined,
    cache: EvaluationCache,
    makeExtra: (evaluation: Evaluation, qtype: number, ttlSeconds: number) => Extra,
  ) {
    this.#policy = policy;
    this.#geo = geo;
    this.#cache = cache;
    this.#makeExtra = makeExtra;
    this.#placeless = !policy.usesLocation && policy.cidrs === undefined;
    this.#usesLocation = policy.usesLocation;
    this.#stickyBits4 = stickyPrefixLength(policy.source.selection, 4);
    this.#stickyBits6 = stickyPrefixLength(policy.source.selection, 6);
  }

  /** What the query's answer is to be drawn from. The cache's `client` and `scopePrefixLength` are then set too. */
  find(qtype: number, asker: ClientAddress, view: StateView): KeptEvaluation<Extra> {
    const epoch = this.#cache.follow(view);
    const kind = kindOf(qtype);
    const client = usableClient(asker);
    this.#cache.client = client;
    if (this.#placeless) {
      const kept = kind === 0 ? this.#placelessA : kind === 1 ? this.#placelessAaaa : this.#placelessOther;
      if (kept !== undefined && isValid(kept, epoch, view)) {
        this.#cache.scopePrefixLength = this.#scopeOf(client, 0, undefined);
        return kept;
      }
    }
    const located = client === undefined || this.#geo === undefined ? UNLOCATED : this.#geo.locate(client);
    const cidr = client === undefined ? undefined : this.#policy.cidrs?.lookup(client.family, client.bytes);
    const ofClass = this.#classOf(located, cidr);
    const kept = this.#ofClass(ofClass, kind, { qtype, client: asker, located }, view, epoch);
    const byPlace = this.#usesLocation || kept.usedDistance ? located.prefixLength : 0;
    this.#cache.scopePrefixLength = this.#scopeOf(client, byPlace, cidr);
    if (this.#placeless) this.#remember(kind, kept.usedDistance ? undefined : kept);
    return kept;
  }

  /** Called when too much is kept. */
  forget(): void {
    this.#classes = [];
    this.#classAt = undefined;
    for (let kind = 0; kind < KINDS; kind += 1) this.#remember(kind, undefined);
  }

  #remember(kind: number, kept: KeptEvaluation<Extra> | undefined): void {
    if (kind === 0) this.#placelessA = kept;
    else if (kind === 1) this.#placelessAaaa = kept;
    else this.#placelessOther = kept;
  }

  #ofClass(
    ofClass: ClientClass<Extra>,
    kind: number,
    query: { readonly qtype: number; readonly client: ClientAddress; readonly located: Located },
    view: StateView,
    epoch: number,
  ): KeptEvaluation<Extra> {
    const first = ofClass.kept[kind];
    if (first === undefined || !isValid(first, epoch, view)) {
      const made = this.#made(query, view, epoch);
      if (made.steady || made.validUntilMs > 0) {
        if (first === undefined) this.#hold();
        ofClass.kept[kind] = made;
      }
      return made;
    }
    if (!first.usedDistance) return first;
    const country = placeOf(query.located.location);
    if (country === undefined) return this.#made(query, view, epoch);
    if (country === first.country) return first;
    const key = `${kind}${country}`;
    const there = ofClass.byCountry.get(key);
    if (there !== undefined && isValid(there, epoch, view)) return there;
    const made = this.#made(query, view, epoch);
    if (made.steady || made.validUntilMs > 0) {
      if (there === undefined) this.#hold();
      ofClass.byCountry.set(key, made);
    }
    return made;
  }

  /** As `scopeOf` of `evaluate.ts` says. */
  #scopeOf(client: ClientAddress | undefined, byPlace: number, cidr: CidrMatch | undefined): number {
    if (client === undefined) return 0;
    const bySticky = client.family === 4 ? this.#stickyBits4 : this.#stickyBits6;
    return Math.max(byPlace, cidr?.constantPrefixLength ?? 0, bySticky);
  }

  #hold(): void {
    this.#cache.hold();
    if (this.#generation === this.#cache.generation) return;
    this.#generation = this.#cache.generation;
    this.#cache.join(this);
  }

  #made(
    query: { readonly qtype: number; readonly client: ClientAddress; readonly located: Located },
    view: StateView,
    epoch: number,
  ): KeptEvaluation<Extra> {
    // Before the view is read: what it says then holds for at least as long from now.
    const nowMs = view.monotonicMs?.();
    const evaluation = evaluate(this.#policy, query, view);
    const holdsForMs = Math.min(evaluation.steadyForMs, ttlHoldsForMs(this.#policy, evaluation));
    const ttlSeconds = freshTtlOf(this.#policy, evaluation).seconds;
    const steady = nowMs !== undefined && holdsForMs === Number.POSITIVE_INFINITY;
    return {
      epoch,
      steady,
      extra: this.#makeExtra(evaluation, query.qtype, ttlSeconds),
      ttlSeconds,
      usedDistance: evaluation.usedDistance,
      validUntilMs: steady || nowMs === undefined || holdsForMs <= 0 ? 0 : Math.floor(nowMs + holdsForMs),
      country: placeOf(query.located.location),
    };
  }

  #classOf(located: Located, cidr: CidrMatch | undefined): ClientClass<Extra> {
    const at = cidr === undefined || cidr.values.length === 0 ? this.#numberOf(located) : -1;
    const known = at < 0 ? 0 : (this.#classAt?.[at] ?? 0);
    const before = this.#classes[known - 1];
    if (before !== undefined) return before;
    const policy = this.#policy;
    const residency = residencySetOf(policy.residency, located);
    const tiers = orderedTiers(policy, matchingRules(policy, cidr, located.location));
    let number = this.#classes.findIndex((one) => one.residency === residency && one.tiers === tiers);
    let ofClass = this.#classes[number];
    if (ofClass === undefined) {
      if (this.#classes.length >= MAX_CLASSES) this.forget();
      ofClass = { residency, tiers, kept: [undefined, undefined, undefined], byCountry: new Map() };
      number = this.#classes.push(ofClass) - 1;
    }
    if (at >= 0) {
      this.#classAt ??= new Uint8Array(PLACES);
      this.#classAt[at] = number + 1;
    }
    return ofClass;
  }

  /** A number for what decides the class of a client in no CIDR block; -1 when there is more to it than its country. */
  #numberOf(located: Located): number {
    const { subdivision } = located.location;
    return subdivision !== undefined && this.#policy.bySubdivision.size > 0 ? -1 : numberOfPlace(located);
  }
}

function isValid(kept: KeptEvaluation<unknown>, epoch: number, view: StateView): boolean {
  if (kept.epoch !== epoch) return false;
  return kept.steady || (view.monotonicMs?.() ?? Number.POSITIVE_INFINITY) < kept.validUntilMs;
}

const KINDS = 3;

/** What of a query's type a decision depends on. */
function kindOf(qtype: number): number {
  if (qtype === TYPE.A) return 0;
  return qtype === TYPE.AAAA ? 1 : 2;
}

/** What distances are measured from; `undefined`: from coordinates. */
function placeOf(location: Location): string | undefined {
  return location.latitude === undefined ? (countryOf(location) ?? '') : undefined;
}

/** How long the TTL stays as it is while the earliest change in sight comes nearer. */
function ttlHoldsForMs(policy: CompiledPolicy, evaluation: Evaluation): number {
  const { reason, seconds } = freshTtlOf(policy, evaluation);
  if (reason === 'policy') {
    // "No change in sight" does not come nearer.
    const inSight = evaluation.earliestChangeMs < NO_PENDING_CHANGE_MS;
    return inSight ? evaluation.earliestChangeMs - seconds * 1000 : Number.POSITIVE_INFINITY;
  }
  // The lowest TTL stays the lowest; one in between falls every second.
  return reason !== 'pendingChange' || seconds === policy.source.minTtlSeconds ? Number.POSITIVE_INFINITY : 0;
}
