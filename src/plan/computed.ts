import type { DomainName } from '../dns/name.ts';
import { formatRdata, parseRdata } from '../dns/records/catalogue.ts';
import { TYPE } from '../dns/types.ts';
import type { CompiledPolicy } from '../routing/compiled.ts';
import { servedAddresses } from '../routing/evaluate.ts';
import type { RegionTable, StateView } from '../routing/model.ts';
import { everywhereRestricted, MAX_PLAIN_ADDRESSES, unplacedEvaluation } from '../routing/unplaced.ts';
import type { Feature } from './compile-report.ts';
import { featuresOf } from './features-of.ts';
import { type FeatureClaim, type Judgement, judgeClaims } from './losses.ts';
import { placeClassesOf } from './place-classes.ts';
import type { Decider } from './placement.ts';
import type { RecordSet } from './record-set.ts';

export interface ComputedInput {
  readonly policy: CompiledPolicy;
  readonly hostname: DomainName;
  /** The present moment. */
  readonly state: StateView;
  readonly regions: RegionTable;
  readonly decider: Exclude<Decider, 'native'>;
  readonly accepted: readonly Feature[];
  readonly ttlSeconds: number;
}

/** Plain records of a hostname, or why there are none. */
export interface ComputedRecords extends Judgement {
  /** Empty when it is refused; else never. */
  readonly sets: readonly RecordSet[];
  /** Nothing at all would be published. */
  readonly empty: boolean;
  readonly hubDown: string;
}

/**
 * What a provider without routing answers everybody with in this moment: all members of the first tier that are healthy and admitted by *every*
 * residency rule, the heaviest 16 addresses of them; of CNAMEs the heaviest one, which stands alone (RFC 2181 section 10.1). In an emergency
 * the rules of the policy hold (`onAllDown`, panic). Nothing is published when the rules leave no cluster in common, or when something is lost
 * that the author of the policy does not accept.
 */
export function computedRecords(input: ComputedInput): ComputedRecords {
  const restricted = everywhereRestricted(input.policy, input.regions);
  const leavesSomebody = restricted.residency.unknown.admitted.includes(true);
  const judgement = judgeClaims(
    { features: featuresOf(input.policy), accepted: input.accepted },
    claimsOf(input, leavesSomebody),
  );
  const sets = judgement.refused ? [] : setsOf(input, restricted);
  return {
    ...judgement,
    sets,
    empty: !judgement.refused && sets.length === 0,
    hubDown: PLAIN_HUB_DOWN[input.decider],
  };
}

const PLAIN_HUB_DOWN: Readonly<Record<ComputedInput['decider'], string>> = {
  portolan:
    'While the hub is away the records stay as they are: what goes down then stays in answers until it is back.',
  both: 'While the hub is away the records stay as they are, because plain records have no health checks of the provider to fall back on.',
};

function setsOf(
  { hostname, state, ttlSeconds }: ComputedInput,
  restricted: CompiledPolicy,
): readonly RecordSet[] {
  const sets: RecordSet[] = [];
  const set = (type: string, values: readonly string[]): RecordSet => ({
    name: hostname,
    type,
    setId: '',
    ttlSeconds,
    values,
  });
  for (const [type, qtype] of ADDRESS_TYPES) {
    const { wanted, candidates, maintenance } = unplacedEvaluation(restricted, qtype, state);
    if (wanted === 'cname' && candidates.length > 0) {
      const target = candidates[0]?.endpoint.cname?.name;
      return target === undefined ? [] : [set('CNAME', [target])];
    }
    const addresses = [
      ...candidates.flatMap(({ endpoint }) =>
        servedAddresses(endpoint, type === 'A' ? 4 : 6, state).map(({ address }) => address),
      ),
      ...maintenance,
    ];
    const values = new Set<string>();
    for (const address of addresses) {
      if (values.size < MAX_PLAIN_ADDRESSES) values.add(formatRdata(parseRdata(qtype, address)));
    }
    if (values.size > 0) sets.push(set(type, [...values].sort()));
  }
  return sets;
}

const ADDRESS_TYPES = [
  ['A', TYPE.A],
  ['AAAA', TYPE.AAAA],
] as const;

function claimsOf({ policy, ttlSeconds }: ComputedInput, leavesSomebody: boolean): readonly FeatureClaim[] {
  const { endpoints, selection } = policy.source;
  const aliases = endpoints.some(({ kind }) => kind === 'cname');
  return [
    {
      feature: 'weights',
      kept: 'no',
      detail: aliases
        ? 'A plain name has one CNAME: the heaviest alias gets all clients, and addresses share equally.'
        : 'Members share equally, whatever their weights.',
    },
    {
      feature: 'failover',
      kept: 'computed',
      detail: 'The hub changes the records when a tier goes down or comes back.',
    },
    leavesSomebody
      ? {
          feature: 'residency',
          kept: 'computed',
          detail: 'Every client, inside or outside, gets only clusters that all residency rules admit.',
        }
      : {
          feature: 'residency',
          kept: 'no',
          detail:
            'No cluster lies in all regions of the residency rules, and plain records are the same for everybody.',
        },
    { feature: 'dynamicTtl', kept: 'no', detail: `The TTL is always ${ttlSeconds} s.` },
    {
      feature: 'panic',
      kept: 'computed',
      detail: 'When too few members are healthy, the hub publishes all of the first tier.',
    },
    {
      feature: 'capacityFloor',
      kept: 'computed',
      detail: 'Below the floor the hub publishes the next tier, too; all members then share equally.',
    },
    {
      feature: 'nearest',
      kept: 'no',
      detail: 'When no tier has anybody left, the hub publishes all other endpoints, wherever the client is.',
    },
    {
      feature: 'maxAnswers',
      kept: 'no',
      detail: `An answer holds all members of the tier (at most ${MAX_PLAIN_ADDRESSES} addresses; one CNAME), not ${selection.maxAnswers}.`,
    },
    placeClassesOf(policy).length === 1
      ? {
          feature: 'mixedTypes',
          kept: 'computed',
          detail: 'The hub publishes addresses or a CNAME, whichever the tier that answers has.',
        }
      : { feature: 'mixedTypes', kept: 'no', detail: 'All places get either addresses or one CNAME.' },
  ];
}
