import { parseIpv4, parseIpv6 } from '../src/dns/address.ts';
import type { Rdata } from '../src/dns/records/catalogue.ts';
import type { Repeat, RoutedAnswer, RoutedName, RoutedQuery, StaticSet } from '../src/dns/routed.ts';
import { type PlaceClasses, placeClassesOf } from '../src/routing/client-classes.ts';
import { type CompiledPolicy, compilePolicy } from '../src/routing/compiled.ts';
import { isStale } from '../src/routing/decide.ts';
import { CachedEvaluator, EvaluationCache } from '../src/routing/evaluation-cache.ts';
import type { GeoLookup, RegionTable, RoutedPolicy, StateView } from '../src/routing/model.ts';
import { typesOf } from '../src/routing/policy-types.ts';
import { type AddressRecords, Draw, SharedChoices } from './routed-draw.ts';
import { routedFallback } from './routed-fallback.ts';
import { AskerMoment } from './routed-moment.ts';

/** What a routed name decides by, besides its policy. */
export interface Asker {
  /** Without one every location is unknown, and residency rules fail closed. */
  readonly geo: GeoLookup | undefined;
  /** The view to decide by, asked for at every query. */
  readonly view: () => StateView;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** What a policy is made into, whoever asks. */
export interface PreparedPolicy {
  readonly regions: RegionTable;
  readonly compiled: CompiledPolicy;
  readonly types: ReadonlySet<number>;
  readonly rdata: AddressRecords;
  /** The last one made, and for whom. */
  routed?: { readonly of: RoutedName; readonly asker: Asker };
  /** Once somebody copied the zone. */
  fallback?: readonly StaticSet[];
  /** Once an answer was to be repeated. */
  classes?: PlaceClasses | undefined;
}

/* Policies are immutable: what was made of one is made of it again. On a change, nearly all are the same objects. */
const preparedPolicies = new WeakMap<RoutedPolicy, PreparedPolicy>();

export function preparePolicy(policy: RoutedPolicy, regions: RegionTable): PreparedPolicy {
  const known = preparedPolicies.get(policy);
  if (known?.regions === regions) return known;
  const compiled = compilePolicy(policy, regions);
  const prepared: PreparedPolicy = {
    regions,
    compiled,
    types: shared(typesOf(compiled)),
    rdata: addressRecords(compiled),
  };
  preparedPolicies.set(policy, prepared);
  return prepared;
}

/* There are few sets of types, and every query looks into one: policies that agree share it. */
const typeSets = new Map<string, ReadonlySet<number>>();

function shared(types: ReadonlySet<number>): ReadonlySet<number> {
  const key = [...types].sort((a, b) => a - b).join(' ');
  const known = typeSets.get(key);
  if (known !== undefined) return known;
  typeSets.set(key, types);
  return types;
}

/** A policy as DNS sees it. All its hostnames share one. */
export function routedName(prepared: PreparedPolicy, asker: Asker): RoutedName {
  const { geo, view, random } = asker;
  const last = prepared.routed;
  if (last !== undefined) {
    const { asker: before } = last;
    if (before.geo === geo && before.view === view && before.random === random) return last.of;
  }
  const of = new PolicyName(prepared, asker);
  prepared.routed = { of, asker: { geo, view, random } };
  return of;
}

/** Decides for each query, and remembers what it can. */
class PolicyName implements RoutedName {
  /* What every query reads comes first: see `CachedEvaluator`. */
  readonly types: ReadonlySet<number>;
  readonly #evaluator: CachedEvaluator<Draw>;
  readonly #evaluations: EvaluationCache;
  readonly #view: () => StateView;
  readonly #random: () => number;
  readonly #fullTtlSeconds: number;
  readonly #minTtlSeconds: number;
  readonly #prepared: PreparedPolicy;
  readonly #moment: AskerMoment;

  constructor(prepared: PreparedPolicy, asker: Asker) {
    const { compiled, rdata } = prepared;
    const { selection, ttlSeconds, minTtlSeconds } = compiled.source;
    const memory = memoryOf(asker);
    const { evaluations, shared } = memory;
    const source = { selection, rdata, shared };
    this.types = prepared.types;
    this.#evaluations = evaluations;
    this.#evaluator = new CachedEvaluator(
      compiled,
      asker.geo,
      evaluations,
      (evaluation, qtype, ttl) => new Draw(evaluation, source, qtype, ttl),
    );
    this.#view = asker.view;
    this.#random = asker.random;
    this.#fullTtlSeconds = ttlSeconds;
    this.#minTtlSeconds = minTtlSeconds;
    this.#prepared = prepared;
    this.#moment = momentOf(memory, asker);
  }

  answer({ type, client }: RoutedQuery): RoutedAnswer {
    const state = this.#view();
    const kept = this.#evaluator.find(type, client, state);
    const { client: usable, scopePrefixLength: ecsScope } = this.#evaluations;
    const fullTtlSeconds = this.#fullTtlSeconds;
    const { records, set } = kept.extra.choose(usable, state, this.#random);
    if (isStale(state)) {
      return { ttlSeconds: this.#minTtlSeconds, fullTtlSeconds, set: undefined, records, ecsScope };
    }
    return { ttlSeconds: kept.ttlSeconds, fullTtlSeconds, set, records, ecsScope };
  }

  repeat({ type, client }: RoutedQuery): Repeat | undefined {
    const { compiled, regions } = this.#prepared;
    const { mode, maxAnswers } = compiled.source.selection;
    // What goes by parts of a country, by networks or by the client itself has no place in the classes.
    if (mode !== 'weighted' || maxAnswers !== 1 || compiled.cidrs !== undefined) return undefined;
    if (compiled.bySubdivision.size > 0) return undefined;
    const moment = this.#moment;
    const epoch = moment.epoch();
    if (epoch < 0) return undefined;
    const state = this.#view();
    const kept = this.#evaluator.find(type, client, state);
    const drawn = kept.steady && !kept.usedDistance ? kept.extra.repeat(state) : undefined;
    if (drawn === undefined) return undefined;
    if (!compiled.usesLocation) return { moment, epoch, class: undefined, ...drawn };
    moment.locate(client);
    this.#prepared.classes ??= placeClassesOf(compiled, regions);
    const of = this.#prepared.classes;
    if (of === undefined || moment.place < 0) return undefined;
    const number = of.classOf(compiled, moment.place, moment.located);
    return number === 0 ? undefined : { moment, epoch, class: { of, number }, ...drawn };
  }

  fallback(): readonly StaticSet[] {
    const { compiled, regions, rdata } = this.#prepared;
    this.#prepared.fallback ??= routedFallback(compiled, regions, rdata);
    return this.#prepared.fallback;
  }
}

/** What all policies of one server remember within one bound. */
interface Memory {
  readonly evaluations: EvaluationCache;
  readonly shared: SharedChoices;
  /** Of the last asker: one at a time has this view. */
  moment?: AskerMoment;
}

function momentOf(memory: Memory, asker: Asker): AskerMoment {
  if (memory.moment?.isOf(asker) !== true) memory.moment = new AskerMoment(asker, memory.evaluations);
  return memory.moment;
}

const memories = new WeakMap<Asker['view'], Memory>();

function memoryOf({ view }: Asker): Memory {
  const known = memories.get(view);
  if (known !== undefined) return known;
  const made: Memory = { evaluations: new EvaluationCache(), shared: new SharedChoices() };
  memories.set(view, made);
  return made;
}

/** Every address the policy can answer with, parsed once. */
function addressRecords(policy: CompiledPolicy): AddressRecords {
  const texts = [
    ...policy.source.endpoints.flatMap((endpoint) => endpoint.addresses.map(({ address }) => address)),
    ...policy.source.residency.flatMap(({ onAllDown }) =>
      onAllDown.action === 'maintenance' ? onAllDown.addresses : [],
    ),
  ];
  const records = new Map<string, Extract<Rdata, { readonly type: 'A' | 'AAAA' }>>();
  for (const text of texts) {
    const v4 = parseIpv4(text);
    const v6 = v4 === undefined ? parseIpv6(text) : undefined;
    if (v4 !== undefined) records.set(text, { type: 'A', address: v4 });
    else if (v6 !== undefined) records.set(text, { type: 'AAAA', address: v6 });
  }
  return records;
}
