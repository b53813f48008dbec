import { hash } from 'node:crypto';
import { type DomainName, tryParseName } from '../../src/dns/name.ts';
import type { AidReference, AidSpec } from '../../src/plan/aid.ts';
import type { PlacedMember, PlacedTier, PlaceGroup, TypePlacement } from '../../src/plan/placement.ts';
import type { Json, RecordSet } from '../../src/plan/record-set.ts';
import { scaleWeights } from '../../src/plan/weights.ts';
import type { CompileInput } from '../contract.ts';
import { type MappedCheck, mapCheck } from './health-check-config.ts';
import { plainId } from './names.ts';

/** "A maximum of 100 weighted resource record sets that have the same values for Name and Type." */
const MAX_WEIGHTED = 100;
/** `Weight`: 0 to 255. */
const MAX_WEIGHT = 255;
/** A label has at most 63 octets. */
const MAX_LABEL = 63;

/** Route 53 cannot do this: why, for the report. */
export class NotPossible extends Error {}

/**
 * Makes the sets of the groups of one type, from what answers up to the names that lead there, so that targets come before aliases. Everything is
 * named by what it is (group, tier, endpoint) and never by its weight or health, so a change of those changes no name.
 */
export class Pools {
  readonly sets: RecordSet[] = [];
  readonly aids = new Map<string, AidSpec>();
  readonly differences = new Set<string>();
  /** Largest error of a share, in percentage points. */
  errorPercent = 0;
  readonly #input: CompileInput;
  readonly #checked: boolean;
  readonly #type: TypePlacement['type'];
  readonly #membersMade = new Set<string>();

  constructor(input: CompileInput, type: TypePlacement['type']) {
    this.#input = input;
    this.#type = type;
    this.#checked = input.placement.decider !== 'portolan';
  }

  /** `<label>.<poolSuffix>`. @throws NotPossible */
  nameOf(label: string): DomainName {
    const short =
      label.length <= MAX_LABEL
        ? label
        : `${label.slice(0, 40)}-${hash('sha256', label, 'hex').slice(0, 12)}`;
    const name = tryParseName(`${short}.${this.#input.poolSuffix}`);
    if (typeof name === 'object')
      throw new NotPossible(`the name is too long for the names its routing needs: ${name.reason}`);
    return name;
  }

  /** The sets at `at` that answer as the group does: its members, or the first link of its chain of tiers. */
  group(at: DomainName, { id, tiers }: PlaceGroup): void {
    const [only, ...more] = tiers;
    if (only === undefined) return;
    if (more.length === 0) this.#tier(at, only, false);
    else this.#chain(at, id, tiers, 0);
  }

  /** An alias to another name of this zone; it has no TTL of its own. */
  alias(
    at: DomainName,
    to: DomainName,
    evaluate: boolean,
    setId: string,
    routing: { readonly [key: string]: Json },
  ): void {
    this.sets.push({
      name: at,
      type: this.#type,
      setId,
      values: [],
      native: {
        ...routing,
        AliasTarget: {
          HostedZoneId: plainId(this.#input.zone.id),
          DNSName: to,
          EvaluateTargetHealth: evaluate,
        },
      },
    });
  }

  /** PRIMARY is this tier, SECONDARY the next one, or the chain of those that are left. */
  #chain(at: DomainName, id: string, tiers: readonly PlacedTier[], from: number): void {
    const [first, second, ...more] = tiers.slice(from);
    if (first === undefined || second === undefined) return;
    const primary = this.nameOf(`t${from}-${id}`);
    this.#tier(primary, first, true);
    const secondary = this.nameOf(`${more.length === 0 ? 't' : 'f'}${from + 1}-${id}`);
    if (more.length === 0) this.#tier(secondary, second, true);
    else this.#chain(secondary, id, tiers, from + 1);
    // "For failover alias resource record sets, you must also include the EvaluateTargetHealth element and set the value to true."
    this.alias(at, primary, true, 'primary', { Failover: 'PRIMARY' });
    this.alias(at, secondary, true, 'secondary', { Failover: 'SECONDARY' });
  }

  /** @param linked its health decides whether the next tier answers, so even a single member has its check */
  #tier(at: DomainName, { members }: PlacedTier, linked: boolean): void {
    if (members.length > MAX_WEIGHTED)
      throw new NotPossible(
        `it has ${members.length} members, and Route 53 takes ${MAX_WEIGHTED} weighted records`,
      );
    const [only, ...more] = members;
    if (only === undefined) return;
    const checks = members.map((member) => this.#checksOf(member));
    if (more.length === 0) {
      const [ids] = checks;
      if (ids !== undefined && ids.length > 1) this.#values(at, only, ids);
      else if (ids !== undefined && linked) this.#weighted(at, members, checks);
      else this.#plain(at, only);
      return;
    }
    this.#weighted(at, members, checks);
  }

  #plain(at: DomainName, { values }: PlacedMember): void {
    this.sets.push({ name: at, type: this.#type, setId: '', ttlSeconds: this.#ttl, values });
  }

  /**
   * One weighted record a member, with all of its values ("for all types except CNAME you can enter more than one value", Developer Guide). A member
   * whose addresses are checked one by one is an alias to a name where each address is a record with its own check.
   */
  #weighted(
    at: DomainName,
    members: readonly PlacedMember[],
    checks: readonly (readonly string[] | undefined)[],
  ): void {
    const scaled = scaleWeights(
      members.map(({ weight }) => weight),
      MAX_WEIGHT,
    );
    this.errorPercent = Math.max(this.errorPercent, scaled.largestErrorPercent);
    // Aliases come after what they lead to.
    for (const [index, member] of members.entries()) {
      const ids = checks[index];
      if (ids !== undefined && ids.length > 1) this.#values(this.#memberName(member), member, ids);
    }
    for (const [index, member] of members.entries()) {
      const ids = checks[index];
      const Weight = scaled.weights[index] ?? 0;
      if (ids !== undefined && ids.length > 1) {
        this.alias(at, this.#memberName(member), true, setIdOf(member), { Weight });
        continue;
      }
      const [id] = ids ?? [];
      this.sets.push({
        name: at,
        type: this.#type,
        setId: setIdOf(member),
        ttlSeconds: this.#ttl,
        values: member.values,
        native: {
          Weight,
          ...(id === undefined ? {} : { HealthCheckId: { $aid: id } satisfies AidReference }),
        },
      });
    }
  }

  /** Each address by itself, all healthy ones (up to eight) in an answer. */
  #values(at: DomainName, member: PlacedMember, checks: readonly string[]): void {
    const key = `${at} ${member.endpoint}`;
    if (this.#membersMade.has(key)) return;
    this.#membersMade.add(key);
    for (const [index, value] of member.values.entries()) {
      const id = checks[index];
      this.sets.push({
        name: at,
        type: this.#type,
        setId: value,
        ttlSeconds: this.#ttl,
        values: [value],
        native: {
          MultiValueAnswer: true,
          ...(id === undefined ? {} : { HealthCheckId: { $aid: id } satisfies AidReference }),
        },
      });
    }
  }

  /** The same for every group that has the endpoint. */
  #memberName({ endpoint }: PlacedMember): DomainName {
    return this.nameOf(`m-${endpoint}`);
  }

  get #ttl(): number {
    return this.#input.placement.ttlSeconds;
  }

  /** Keys of the health checks of a member's values, in their order; undefined: it counts as healthy. @throws NotPossible */
  #checksOf({ values, targets }: PlacedMember): readonly string[] | undefined {
    const timing = this.#input.spec.route53?.healthChecks;
    if (!this.#checked || timing === undefined || targets.length !== values.length || targets.length === 0)
      return undefined;
    return targets.map((target) => {
      const mapped: MappedCheck | string = mapCheck(target, timing);
      if (typeof mapped === 'string') throw new NotPossible(mapped);
      this.aids.set(mapped.aid.key, mapped.aid);
      for (const difference of mapped.differences) this.differences.add(difference);
      return mapped.aid.key;
    });
  }
}

/** Maintenance addresses stand in for no endpoint; an endpoint's name has no parentheses. */
function setIdOf({ endpoint, cluster }: PlacedMember): string {
  return cluster === '' ? `(${endpoint})` : endpoint;
}
