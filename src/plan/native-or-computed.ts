import type { DomainName } from '../dns/name.ts';
import type { Target } from '../health/types.ts';
import type { TrafficPolicySpec } from '../resources/traffic-policy.ts';
import type { CompiledPolicy } from '../routing/compiled.ts';
import type { RegionTable, StateView } from '../routing/model.ts';
import { everywhereRestricted } from '../routing/unplaced.ts';
import type { AidSpec } from './aid.ts';
import type { CompileReport, Feature, FeatureReport } from './compile-report.ts';
import { type ComputedRecords, computedRecords } from './computed.ts';
import { because, type FeatureClaim, judgeClaims } from './losses.ts';
import { typesThatMayGo } from './may-empty.ts';
import type { NativeCompilation } from './native-compilation.ts';
import type { Placement } from './placement.ts';
import { type PlacementInput, placementOf, unplacedPlacementOf } from './placement-of.ts';
import type { RecordSet } from './record-set.ts';
import type { DesiredName } from './zone-plan.ts';

/** What compiling needs of a provider; the zone and its settings are bound in `compile`. */
export interface CompilingProvider {
  /** `namespace/name` of the DNSProvider. */
  readonly name: string;
  readonly healthChecks: { readonly native: true } | { readonly native: false; readonly reason: string };
  readonly ttl: { readonly minSeconds: number; readonly maxSeconds: number };
  /** As in `Capabilities`. */
  readonly ownTypes?: readonly string[] | undefined;
  readonly compile: (placement: Placement) => NativeCompilation;
}

export interface CompileNameInput {
  readonly policy: CompiledPolicy;
  readonly hostname: DomainName;
  readonly dns: TrafficPolicySpec['dns'];
  /** The present moment. */
  readonly state: StateView;
  readonly regions: RegionTable;
  readonly target: (id: string) => Target | undefined;
  /** Origin of the zone at the provider. */
  readonly zone: DomainName;
  readonly provider: CompilingProvider;
}

export interface CompiledName {
  readonly desired: DesiredName;
  /** What `desired.sets` lean on. */
  readonly aids: readonly AidSpec[];
  readonly report: CompileReport;
  /** What was compiled, for verifying; `undefined` when plain records were made, or nothing. */
  readonly placement: Placement | undefined;
}

/** What is published, before it becomes a desired name. */
interface Outcome {
  readonly outcome: CompileReport['outcome'];
  readonly sets: readonly RecordSet[] | undefined;
  readonly aids: readonly AidSpec[];
  readonly features: readonly FeatureReport[];
  readonly hubDown: string;
  readonly refusal?: CompileReport['refusal'];
  readonly placement?: Placement;
}

/**
 * One hostname at one provider. In this order: the provider's own routing of the whole placement; its own routing of what is left when places are
 * not told apart (losses accepted, residency kept by leaving out whoever some rule does not admit); plain records; refusal, with which
 * everything stays as it is at the provider.
 */
export function compileName(input: CompileNameInput): CompiledName {
  const { hostname, policy, zone, provider } = input;
  const made = withoutAliasAtApex(input, outcomeOf(input));
  return {
    desired: {
      name: hostname,
      resource: `trafficpolicy/${policy.key}`,
      sets: made.sets,
      types: ['A', 'AAAA', 'CNAME', ...(provider.ownTypes ?? [])],
      mayEmpty: typesThatMayGo(policy.source),
      shared: input.dns.shared,
    },
    aids: made.aids,
    report: {
      hostname,
      provider: provider.name,
      zone,
      outcome: made.outcome,
      features: made.features,
      ...(made.refusal === undefined ? {} : { refusal: made.refusal }),
      hubDown: made.hubDown,
    },
    placement: made.placement,
  };
}

function outcomeOf(input: CompileNameInput): Outcome {
  const { dns, policy, provider } = input;
  const { decider } = dns;
  const ttlSeconds = Math.min(
    provider.ttl.maxSeconds,
    Math.max(provider.ttl.minSeconds, policy.source.ttlSeconds),
  );
  const asked: PlacementInput = { ...input, decider, accepted: dns.accept };
  const placement: Placement = { ...placementOf(asked), ttlSeconds };
  const plainOnly = dns.form === 'computed' || dns.shared;
  if (decider === 'native') {
    const obstacle = noNativeHealth(input, plainOnly);
    if (obstacle !== undefined) return refused(placement.features, obstacle);
  }
  let reasons: readonly FeatureReport[] = [];
  let obstacle: string | undefined;
  if (!plainOnly && !isPlain(placement, input)) {
    const whole = provider.compile(placement);
    if (whole.outcome === 'native') return published(placement, whole, whole.features);
    const filled = withoutGaps(asked, placement, provider);
    if (filled !== undefined) return filled;
    reasons = whole.features;
    obstacle = whole.reason;
    const rest = withoutPlaces(asked, ttlSeconds, placement, reasons, input);
    if (rest !== undefined) return rest;
  }
  if (decider === 'native') {
    return refused(
      placement.features,
      {
        message: `${provider.name} cannot route ${input.hostname} by itself, and plain records do not follow its health checks.${obstacle === undefined ? '' : ` ${obstacle}`}`,
        fix: 'Write `decider: portolan` below spec.dns, or delegate the name to the embedded name servers (`spec.delegation` of a Zone).',
      },
      reasons,
    );
  }
  return plain(computedRecords({ ...input, decider, accepted: dns.accept, ttlSeconds }), reasons);
}

/** Plain records say all of it: nothing is gained from the provider's routing. */
function isPlain({ decider, features }: Placement, { policy, regions }: CompileNameInput): boolean {
  const routed: readonly Feature[] = [
    'geo',
    'subnets',
    'weights',
    'capacityFloor',
    'drainRamp',
    'mixedTypes',
  ];
  if (decider !== 'portolan' || features.some((feature) => routed.includes(feature))) return false;
  // Residency is nobody's concern where all clusters lie inside.
  return (
    !features.includes('residency') ||
    everywhereRestricted(policy, regions).residency.unknown.admitted.every((admitted) => admitted)
  );
}

function noNativeHealth(
  { provider, hostname }: CompileNameInput,
  plainOnly: boolean,
): CompileReport['refusal'] | undefined {
  const fix =
    'Write `decider: portolan` below spec.dns: the hub then changes the records when something goes down.';
  if (!provider.healthChecks.native)
    return {
      message: `\`decider: native\` needs health checks of the provider, and ${provider.name} has none: ${provider.healthChecks.reason}`,
      fix,
    };
  return plainOnly
    ? {
        message: `\`decider: native\` needs the provider's own routing, and spec.dns asks for plain records of ${hostname}.`,
        fix,
      }
    : undefined;
}

/**
 * The provider's routing of the whole placement, where one place has nobody but a maintenance address of the other family, or in place of a CNAME: without this, an
 * outage there would cost every other place its routing at a provider that has no empty answers.
 */
function withoutGaps(
  asked: PlacementInput,
  whole: Placement,
  provider: CompilingProvider,
): Outcome | undefined {
  const filled: Placement = {
    ...placementOf({ ...asked, gaps: 'endpoints' }),
    ttlSeconds: whole.ttlSeconds,
  };
  if (JSON.stringify(filled.types) === JSON.stringify(whole.types)) return undefined;
  const made = provider.compile(filled);
  if (made.outcome === 'no') return undefined;
  const features = made.features.map((report) =>
    report.feature === 'residency'
      ? {
          ...report,
          detail: `${report.detail} Where everybody is down, what the maintenance addresses cannot stand in for stays as it is.`,
        }
      : report,
  );
  return published(filled, made, features);
}

/** The provider's routing of a placement that is the same everywhere, where there is something about places that it cannot do. */
function withoutPlaces(
  asked: PlacementInput,
  ttlSeconds: number,
  whole: Placement,
  reasons: readonly FeatureReport[],
  input: CompileNameInput,
): Outcome | undefined {
  const { regions, provider, policy } = input;
  const ofPlaces = whole.features.filter((feature) => PLACE_FEATURES.includes(feature));
  if (ofPlaces.length === 0) return undefined;
  const plainRecords = computedRecords({
    ...asked,
    policy,
    regions,
    decider: 'both',
    // Only what is said of places is looked at.
    accepted: [...whole.accepted, ...whole.features.filter((feature) => !ofPlaces.includes(feature))],
    ttlSeconds,
  });
  const said = plainRecords.features.filter(({ feature }) => ofPlaces.includes(feature));
  if (said.some(({ feature, handling }) => feature === 'residency' && handling === 'refused'))
    return undefined;
  // What is not accepted is refused all the same, but then nobody is asked to accept what the provider keeps of the rest.
  const flat: Placement = { ...unplacedPlacementOf(asked, regions), ttlSeconds };
  if (isPlain(flat, input)) return undefined;
  const rest = provider.compile(flat);
  if (rest.outcome === 'no') return undefined;
  const features = whole.features.flatMap((feature) => {
    const one = ofPlaces.includes(feature)
      ? said.find((report) => report.feature === feature)
      : rest.features.find((report) => report.feature === feature);
    return one === undefined ? [] : [one];
  });
  return published(flat, rest, because(features, reasons));
}

const PLACE_FEATURES: readonly Feature[] = ['geo', 'subnets', 'residency', 'mixedTypes'];

function published(
  placement: Placement,
  native: Extract<NativeCompilation, { outcome: 'native' }>,
  features: readonly FeatureReport[],
): Outcome {
  const claims: FeatureClaim[] = features.map(({ feature, handling, detail, fix }) => ({
    feature,
    kept: handling === 'native' || handling === 'computed' ? handling : 'no',
    detail,
    ...(fix === undefined ? {} : { fix }),
  }));
  // Nobody's routing orders by distance: the table has the other endpoints together.
  const judgement = judgeClaims(
    { features: features.map(({ feature }) => feature), accepted: placement.accepted },
    claims.filter(({ feature, kept }) => feature !== 'nearest' || kept === 'no'),
  );
  if (judgement.refused) {
    return {
      outcome: 'refused',
      sets: undefined,
      aids: [],
      features: judgement.features,
      hubDown: STAYS,
    };
  }
  if (!native.sets.some(({ name }) => name === placement.hostname)) return nobody(judgement.features);
  return {
    outcome: 'native',
    sets: native.sets,
    aids: native.aids,
    features: judgement.features,
    hubDown: native.hubDown,
    placement,
  };
}

function plain(records: ComputedRecords, reasons: readonly FeatureReport[]): Outcome {
  const features = because(records.features, reasons);
  if (records.refused) return { outcome: 'refused', sets: undefined, aids: [], features, hubDown: STAYS };
  if (records.empty) return nobody(features);
  return { outcome: 'computed', sets: records.sets, aids: [], features, hubDown: records.hubDown };
}

/** A name is never left without any answer (I4): what is there stays. */
function nobody(features: readonly FeatureReport[]): Outcome {
  return {
    outcome: 'refused',
    sets: undefined,
    aids: [],
    features,
    hubDown: STAYS,
    refusal: {
      message: 'No endpoint and no maintenance address can be published now, and a name is never left empty.',
      fix: 'Give `onAllDown` a maintenance address of a type that the endpoints have.',
    },
  };
}

const STAYS = 'Nothing is changed at the provider, with the hub or without.';

function refused(
  features: readonly Feature[],
  refusal: NonNullable<CompileReport['refusal']>,
  reasons: readonly FeatureReport[] = [],
): Outcome {
  const kept = reasons.filter(({ feature }) => features.includes(feature));
  return { outcome: 'refused', sets: undefined, aids: [], features: kept, hubDown: STAYS, refusal };
}

/** The apex of a zone has SOA and NS records, and nothing stands beside a CNAME (RFC 1034 section 3.6.2). */
function withoutAliasAtApex({ hostname, zone }: CompileNameInput, made: Outcome): Outcome {
  const alias =
    made.sets?.some(({ name, type }) => name === hostname && type === 'CNAME') === true ||
    made.placement?.types.some(({ type }) => type === 'CNAME') === true;
  if (!alias || hostname !== zone) return made;
  return {
    ...refused([], {
      message: `${hostname} is the apex of the zone, where no CNAME can stand (RFC 1034 section 3.6.2).`,
      fix: 'Give its endpoints addresses, or delegate a zone of its own to the embedded name servers (`spec.delegation` of a Zone) for a name below the apex.',
    }),
    features: made.features,
  };
}
