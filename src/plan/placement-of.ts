import { hash } from 'node:crypto';
import type { DomainName } from '../dns/name.ts';
import { formatRdata, parseRdata } from '../dns/records/catalogue.ts';
import { TYPE } from '../dns/types.ts';
import type { Target } from '../health/types.ts';
import type { CompiledPolicy } from '../routing/compiled.ts';
import { type Evaluation, evaluate, servedAddresses } from '../routing/evaluate.ts';
import { UNLOCATED } from '../routing/location.ts';
import type { Located, RegionTable, StateView } from '../routing/model.ts';
import { residencySetOf } from '../routing/residency.ts';
import type { Candidate } from '../routing/selection.ts';
import { ALL_HEALTHY, everywhereRestricted } from '../routing/unplaced.ts';
import { orderedTiers } from '../routing/walk.ts';
import { PLACES } from './answers.ts';
import type { Feature } from './compile-report.ts';
import { featuresOf } from './features-of.ts';
import { type PlaceClass, placeClassesOf } from './place-classes.ts';
import type { Decider, PlacedMember, PlacedTier, Placement, TypePlacement } from './placement.ts';
import { allUp, downToo, inSteps } from './state-views.ts';

export interface PlacementInput {
  readonly policy: CompiledPolicy;
  readonly hostname: DomainName;
  /** The present moment. */
  readonly state: StateView;
  readonly decider: Decider;
  readonly accepted: readonly Feature[];
  /** A health target by its id. */
  readonly target: (id: string) => Target | undefined;
  /**
   * What a place gets of a type (CNAME among them) that its endpoints have and its maintenance addresses have not: nothing, as the policy
   * says (the default), or the endpoints, down as they are, for providers that cannot leave one place without an answer.
   */
  readonly gaps?: 'empty' | 'endpoints';
}

/** More tiers than any provider chains; each is asked for with all members of those before it down. */
const MAX_TIERS = 32;

type PlacedType = TypePlacement['type'];
const TYPES: readonly PlacedType[] = ['A', 'AAAA', 'CNAME'];

/** What is answered in a class of places, of one type. */
interface Answer {
  readonly type: PlacedType;
  readonly tiers: readonly PlacedTier[];
}

/**
 * The placement of a hostname: each class of places is asked for with `evaluate`, which answers DNS, and classes that are answered alike in
 * this moment and, everything being up, would be too, share a group.
 *
 * Distance plays no part: endpoints that no rule names (`nextBest: nearest`) stand together, in proportion to their capacity. By distance each
 * country could have an answer of its own just when a default tier breaks down, which is hundreds of records a name at a provider, in one
 * moment and for every name. Drains ramp in four steps, so that a ramp is four changes of a zone and not one a second.
 */
export function placementOf(input: PlacementInput): Placement {
  return placementFrom(input, input.policy, placeClassesOf(input.policy));
}

/**
 * A placement that is the same everywhere: what a provider that cannot tell places apart may publish. Only endpoints that every residency
 * rule admits are in it, and rules about places are left out. Without `geo`, `subnets`, `residency` among its features.
 */
export function unplacedPlacementOf(input: PlacementInput, regions: RegionTable): Placement {
  const placement = placementFrom(input, everywhereRestricted(input.policy, regions), EVERYWHERE);
  const ofPlaces: readonly Feature[] = ['geo', 'subnets', 'residency', 'mixedTypes'];
  return { ...placement, features: placement.features.filter((feature) => !ofPlaces.includes(feature)) };
}

const EVERYWHERE: readonly PlaceClass[] = [{ places: PLACES, located: UNLOCATED }];

function placementFrom(
  input: PlacementInput,
  policy: CompiledPolicy,
  classes: readonly PlaceClass[],
): Placement {
  const { decider } = input;
  const present = inSteps(decider === 'native' ? allUp(input.state) : input.state, policy.source);
  const chained = decider !== 'portolan';
  const drafts = new Map<PlacedType, Map<string, Draft>>(TYPES.map((type) => [type, new Map()]));
  const asked = { chained, target: input.target, gaps: input.gaps ?? 'empty' } as const;
  for (const one of classes) {
    const usual = usualAt(policy, one.located, chained);
    for (const { type, tiers } of askAll(policy, one.located, present, asked)) {
      const base = usual.get(type) ?? '';
      const key = `${base} ${JSON.stringify(tiers.map(({ members }) => members.map(factsOf)))}`;
      const ofType = drafts.get(type);
      const there = ofType?.get(key);
      if (there === undefined) ofType?.set(key, { base, tiers, places: [one.places] });
      else there.places.push(one.places);
    }
  }
  return {
    hostname: input.hostname,
    policy: policy.key,
    ttlSeconds: policy.source.ttlSeconds,
    decider,
    types: TYPES.flatMap((type) => {
      const groups = groupsOf([...(drafts.get(type)?.values() ?? [])]);
      return groups.length === 0 ? [] : [{ type, groups }];
    }),
    ...(policy.source.residency.length === 0 ? {} : { unbound: unboundOf(policy, classes) }),
    features: featuresOf(input.policy),
    accepted: input.accepted,
  };
}

function unboundOf(policy: CompiledPolicy, classes: readonly PlaceClass[]): readonly string[] {
  return classes
    .filter(({ located }) => residencySetOf(policy.residency, located).admitted.every((admitted) => admitted))
    .flatMap(({ places }) => places);
}

type UsualAnswers = WeakMap<CompiledPolicy, Map<Located, ReadonlyMap<PlacedType, string>>>;
/* What is answered while everything is up depends on the policy alone, and is asked at every change of health. */
const usualFirst: UsualAnswers = new WeakMap();
const usualChains: UsualAnswers = new WeakMap();

/** Names of those who answer a place while everything is up, by type. */
function usualAt(
  policy: CompiledPolicy,
  located: Located,
  chained: boolean,
): ReadonlyMap<PlacedType, string> {
  const usual = chained ? usualChains : usualFirst;
  const byPlace = usual.get(policy) ?? new Map<Located, ReadonlyMap<PlacedType, string>>();
  usual.set(policy, byPlace);
  const known = byPlace.get(located);
  if (known !== undefined) return known;
  const answers = askAll(policy, located, ALL_HEALTHY, { chained, target: () => undefined, gaps: 'empty' });
  const made = new Map(answers.map(({ type, tiers }) => [type, namesOf(tiers)]));
  byPlace.set(located, made);
  return made;
}

interface Draft {
  /** Names of members while everything is up. */
  readonly base: string;
  readonly tiers: readonly PlacedTier[];
  readonly places: (readonly string[])[];
}

function groupsOf(drafts: readonly Draft[]): TypePlacement['groups'] {
  const taken = new Set<string>();
  return drafts
    .map(({ base, tiers, places }) => ({
      base,
      tiers,
      // One class as it is: most policies have one, of all places.
      places: places.length === 1 ? (places[0] ?? []) : places.flat().sort(),
    }))
    .sort(
      (a, b) => rankOf(a.places) - rankOf(b.places) || ((a.places[0] ?? '') < (b.places[0] ?? '') ? -1 : 1),
    )
    .map(({ base, tiers, places }) => {
      let id = idOf(base);
      // Groups that differ in this moment only.
      if (taken.has(id)) id = idOf(`${base} | ${namesOf(tiers)}`);
      for (let again = 0; taken.has(id); again += 1) id = idOf(`${base} | ${namesOf(tiers)} | ${again}`);
      taken.add(id);
      return { id, places, tiers };
    });
}

const rankOf = (places: readonly string[]): number => (places.includes('unknown') ? 0 : 1);
const idOf = (text: string): string => hash('sha256', text, 'hex').slice(0, 10);
const namesOf = (tiers: readonly PlacedTier[]): string =>
  tiers.map(({ members }) => members.map(({ endpoint }) => endpoint).join(',')).join(' > ');
const factsOf = ({ endpoint, weight, values }: PlacedMember): readonly unknown[] => [
  endpoint,
  weight,
  values,
];

/** What a class gets of each type: one `Answer` a type, none for NODATA. */
function askAll(
  policy: CompiledPolicy,
  located: Located,
  state: StateView,
  {
    chained,
    target,
    gaps,
  }: Required<Pick<PlacementInput, 'target' | 'gaps'>> & { readonly chained: boolean },
): readonly Answer[] {
  const answers = new Map<PlacedType, Answer>();
  for (const qtype of [TYPE.A, TYPE.AAAA]) {
    const first = ask(policy, located, qtype, state);
    const type = typeOf(first, qtype);
    if (first.mode === 'maintenance' && gaps === 'endpoints') {
      const up = allUp(state);
      const stand = ask(policy, located, qtype, up);
      const standing = typeOf(stand, qtype);
      if (standing !== undefined && standing !== type) {
        answers.set(standing, {
          type: standing,
          tiers: [{ members: membersOf(stand, standing, up, target) }],
        });
        continue;
      }
    }
    if (type === undefined || answers.has(type)) continue;
    const tiers = chained
      ? chainOf(policy, located, qtype, state, first, target)
      : [{ members: membersOf(first, type, state, target) }];
    answers.set(type, { type, tiers });
  }
  return [...answers.values()];
}

function ask(policy: CompiledPolicy, located: Located, qtype: number, state: StateView): Evaluation {
  return evaluate(policy, { qtype, located, byDistance: false }, state);
}

/** Undefined: NODATA. */
function typeOf({ wanted, candidates, maintenance }: Evaluation, qtype: number): PlacedType | undefined {
  if (candidates.length === 0 && maintenance.length === 0) return undefined;
  if (wanted === 'cname' && candidates.length > 0) return 'CNAME';
  return qtype === TYPE.A ? 'A' : 'AAAA';
}

/** The first answer, and what would answer if all before it were down, until nobody new comes. */
function chainOf(
  policy: CompiledPolicy,
  located: Located,
  qtype: number,
  state: StateView,
  first: Evaluation,
  target: PlacementInput['target'],
): readonly PlacedTier[] {
  const type = typeOf(first, qtype);
  const tiers: PlacedTier[] = [];
  const down = new Set<string>();
  const seen = new Set<string>();
  let evaluation = first;
  let standsInFor: readonly Candidate[] | undefined;
  while (type !== undefined && typeOf(evaluation, qtype) === type && tiers.length < MAX_TIERS) {
    const fresh = evaluation.candidates.filter(({ endpoint }) => !seen.has(endpoint.name));
    const members = membersOf({ ...evaluation, candidates: fresh }, type, state, target);
    if (members.length === 0) break;
    const last = tiers.at(-1);
    if (
      last !== undefined &&
      standsInFor !== undefined &&
      isStandby(policy, evaluation, standsInFor, fresh)
    ) {
      tiers[tiers.length - 1] = {
        members: [...last.members, ...members.map((member) => ({ ...member, weight: 0 }))],
      };
      standsInFor = undefined;
    } else {
      tiers.push({ members });
      standsInFor = fresh;
    }
    if (fresh.length === 0) break;
    for (const { endpoint } of fresh) {
      seen.add(endpoint.name);
      // A CNAME beside addresses is decided for all types together.
      for (const { targetId } of [...endpoint.v4, ...endpoint.v6]) down.add(targetId);
      if (endpoint.cname !== undefined) down.add(endpoint.cname.targetId);
    }
    evaluation = ask(policy, located, qtype, downToo(state, down));
  }
  return tiers;
}

/** True when `next` are the members of weight 0 of the tier whose other members are `before`. */
function isStandby(
  policy: CompiledPolicy,
  { matches }: Evaluation,
  before: readonly Candidate[],
  next: readonly Candidate[],
): boolean {
  const areIn =
    (candidates: readonly Candidate[], standby: boolean) =>
    (tier: ReturnType<typeof orderedTiers>[number]): boolean =>
      candidates.every(({ endpoint }) =>
        tier.members.some((m) => m.endpoint === endpoint && (m.weight === 0) === standby),
      );
  return (
    next.length > 0 &&
    orderedTiers(policy, matches).some((tier) => areIn(before, false)(tier) && areIn(next, true)(tier))
  );
}

function membersOf(
  { candidates, maintenance }: Pick<Evaluation, 'candidates' | 'maintenance'>,
  type: PlacedType,
  state: StateView,
  target: PlacementInput['target'],
): readonly PlacedMember[] {
  if (maintenance.length > 0) {
    const values = maintenance.map((address) => canonical(type, address)).sort();
    return [{ endpoint: 'maintenance', cluster: '', weight: 100, values: [...new Set(values)], targets: [] }];
  }
  let sum = 0;
  for (const { weight } of candidates) sum += weight;
  return candidates.map(({ endpoint, weight }): PlacedMember => {
    const served =
      type === 'CNAME'
        ? endpoint.cname === undefined
          ? []
          : [{ value: endpoint.cname.name as string, targetId: endpoint.cname.targetId }]
        : servedAddresses(endpoint, type === 'A' ? 4 : 6, state)
            .map(({ address, targetId }) => ({ value: canonical(type, address), targetId }))
            .sort((a, b) => (a.value < b.value ? -1 : 1));
    return {
      endpoint: endpoint.name,
      cluster: endpoint.cluster,
      weight: percentOf(weight, sum),
      values: served.map(({ value }) => value),
      targets: served.flatMap(({ targetId }) => target(targetId) ?? []),
    };
  });
}

/** Share of the tier in percent: to four places, so that a share of the same size is the same number; above 0. */
function percentOf(weight: number, sum: number): number {
  return Math.max(0.0001, Math.round((weight / sum) * 1_000_000) / 10_000);
}

/** IPv4 addresses have one spelling. */
function canonical(type: PlacedType, address: string): string {
  return type === 'AAAA' ? formatRdata(parseRdata(TYPE.AAAA, address)) : address;
}
