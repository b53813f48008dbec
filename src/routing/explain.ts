import { formatClient } from '../dns/client.ts';
import { typeName } from '../dns/types.ts';
import { NO_PENDING_CHANGE_MS } from '../health/types.ts';
import type { CompiledEndpoint, CompiledPolicy, MatchLevel, ServedAddress, TierOrigin } from './compiled.ts';
import { type Answer, type Decision, distributionOf, draw, type TtlReason, ttlOf } from './decide.ts';
import { type Evaluation, evaluate, type Mode, type RoutingQuery } from './evaluate.ts';
import type { Trace, Verdict } from './gather.ts';
import { countryOf } from './geography.ts';
import type { Location, StateView } from './model.ts';
import { orderedTiers } from './walk.ts';

/** Why an answer is what it is; JSON-safe. `explainText` puts it into sentences. */
export interface Explanation {
  /** `namespace/name` of the policy. */
  readonly policy: string;
  readonly qtype: string;
  /** The client's network as far as it is known, `192.0.2.0/24`. */
  readonly client?: string;
  readonly location: Location;
  /** `unknown`: residency rules with `unknownLocation: restrict` apply. `partly`: the announced network may span several places. */
  readonly locationKnown: 'yes' | 'partly' | 'unknown';
  /** Rules that match, most specific first. */
  readonly rules: readonly { readonly rule: string; readonly level: MatchLevel }[];
  /** Residency regions in force, and the endpoints they admit. */
  readonly residency: { readonly regions: readonly string[]; readonly admitted: readonly string[] };
  readonly mode: Mode;
  /** One sentence on the mode. */
  readonly modeReason: string;
  /** Tiers that were asked, in order. */
  readonly tiers: readonly string[];
  /** Every endpoint of the policy. */
  readonly endpoints: readonly EndpointExplanation[];
  readonly ttl: { readonly seconds: number; readonly reason: TtlReason };
  /** Seconds until the earliest change in sight; absent: none in sight. */
  readonly staysForSeconds?: number;
  readonly scopePrefixLength: number;
}

/**
 * What became of an endpoint. Of those nobody asked: `notAsked` stands in a tier that applies, after the one that answers;
 * `byDistance` stands in none and would be asked by distance (`nextBest: nearest`); `inNoTier` stands in none at all.
 */
export type EndpointVerdict = Verdict | 'notAsked' | 'byDistance' | 'inNoTier';

export interface EndpointExplanation {
  readonly endpoint: string;
  readonly cluster: string;
  readonly country: string;
  readonly verdict: EndpointVerdict;
  /** The tier it was asked in. */
  readonly tier?: string;
  /** Share of the answers, in percent. */
  readonly sharePercent: number;
  /** What health says of each address (or the CNAME). */
  readonly targets: readonly {
    readonly address: string;
    readonly state: 'up' | 'down' | 'unknown';
    readonly reason?: string;
  }[];
}

/** A decision together with why. */
export interface ExplainedDecision {
  readonly decision: Decision;
  readonly explanation: Explanation;
}

/**
 * As `decide`, with the explanation. Both evaluate with the same code and draw the same way, so that with the same random
 * numbers they cannot disagree.
 */
export function explain(
  policy: CompiledPolicy,
  query: RoutingQuery,
  state: StateView,
  random: () => number,
): ExplainedDecision {
  const recorder = new Recorder();
  const evaluation = evaluate(policy, query, state, recorder);
  const decision = draw(policy, evaluation, state, random);
  const shares = new Map(distributionOf(evaluation).shares.map((share) => [share.endpoint, share.percent]));
  const { residency, client, earliestChangeMs } = evaluation;
  const located = client === undefined && query.client !== undefined ? undefined : query.located;
  const location = located?.location ?? {};
  const known = countryOf(location) === undefined ? 'unknown' : located?.exact === false ? 'partly' : 'yes';
  return {
    decision,
    explanation: {
      policy: policy.key,
      qtype: typeName(query.qtype),
      ...(query.client === undefined ? {} : { client: formatClient(query.client) }),
      location,
      locationKnown: known,
      rules: evaluation.matches.map(({ rule, level }) => ({ rule: rule.name, level })),
      residency: {
        regions: residency.rules.map((rule) => rule.region),
        admitted: policy.endpoints.filter((e) => residency.admitted[e.index]).map((e) => e.name),
      },
      mode: evaluation.mode,
      modeReason: modeReason(policy, evaluation, query),
      tiers: recorder.tiers,
      endpoints: policy.endpoints.map((endpoint) => ({
        endpoint: endpoint.name,
        cluster: endpoint.cluster,
        country: endpoint.country,
        ...recorder.of(endpoint, residency.admitted[endpoint.index] === true, unasked(policy, evaluation)),
        sharePercent: shares.get(endpoint.name) ?? 0,
        targets: targetsOf(endpoint, evaluation, state),
      })),
      ttl: ttlOf(policy, evaluation, state),
      ...(Number.isFinite(earliestChangeMs) && earliestChangeMs < NO_PENDING_CHANGE_MS
        ? { staysForSeconds: Math.floor(earliestChangeMs / 1000) }
        : {}),
      scopePrefixLength: decision.scopePrefixLength,
    },
  };
}

/** For people: one line each. */
export function explainText({ decision, explanation: e }: ExplainedDecision): readonly string[] {
  const lines: string[] = [];
  lines.push(`${e.qtype} from ${placeText(e)}, policy ${e.policy}`);
  lines.push(
    e.rules.length === 0
      ? 'rules: none matches; the default answers'
      : `rules: ${e.rules.map((match) => `${match.rule} (by ${match.level})`).join(', then ')}, then the default`,
  );
  if (e.residency.regions.length > 0) {
    const admitted = e.residency.admitted.length === 0 ? 'nobody' : e.residency.admitted.join(', ');
    const because = e.locationKnown === 'yes' ? '' : ' (the location is not fully known)';
    lines.push(`residency ${e.residency.regions.join(' and ')}${because}: only ${admitted} may answer`);
  }
  lines.push(`${e.mode}: ${e.modeReason}`);
  for (const endpoint of e.endpoints) lines.push(`  ${endpointText(endpoint)}`);
  lines.push(`answer: ${answerText(decision)}`);
  const stays =
    e.staysForSeconds === undefined
      ? 'no change is in sight'
      : e.staysForSeconds === 0
        ? 'it may change at any moment'
        : `it stays for at least ${e.staysForSeconds} s`;
  lines.push(`TTL ${e.ttl.seconds} s (${TTL_TEXT[e.ttl.reason]}); ${stays}`);
  if (e.client !== undefined) {
    lines.push(
      e.scopePrefixLength === 0
        ? 'scope /0: the same for every client'
        : `scope /${e.scopePrefixLength}: the same for every client in this network`,
    );
  }
  return lines;
}

const TTL_TEXT: Readonly<Record<TtlReason, string>> = {
  policy: 'of the policy',
  pendingChange: 'lowered: a change is in sight',
  ramp: 'the minimum: a drain is ramping',
  stale: 'the minimum: this view is older than 30 s',
  emergency: 'the minimum: recovery should be seen at once',
};

const VERDICT_TEXT: Readonly<Record<EndpointVerdict, string>> = {
  eligible: 'may answer',
  outsideResidency: 'outside the residency region',
  noAddress: 'has no address of this type',
  drained: 'drained',
  down: 'down',
  unknown: 'of unknown state, and others in its tier are up',
  standby: 'standby (weight 0) while others are up',
  notAsked: 'not asked: an earlier tier answers',
  byDistance: 'not asked: in no tier that applies here, only next by distance',
  inNoTier: 'not asked: in no tier that applies here',
};

/** Notes what the evaluation looked at; the strongest verdict of an endpoint stays. */
class Recorder implements Trace {
  readonly tiers: string[] = [];
  readonly #verdicts = new Map<CompiledEndpoint, { verdict: Verdict; tier?: string }>();

  tier(origin: TierOrigin): void {
    this.tiers.push(tierText(origin));
  }

  endpoint(endpoint: CompiledEndpoint, verdict: Verdict): void {
    const known = this.#verdicts.get(endpoint);
    const tier = this.tiers.at(-1);
    if (known === undefined) {
      this.#verdicts.set(endpoint, tier === undefined ? { verdict } : { verdict, tier });
    } else if (verdict === 'eligible') {
      known.verdict = verdict;
    }
  }

  of(
    endpoint: CompiledEndpoint,
    admitted: boolean,
    otherwise: (endpoint: CompiledEndpoint) => EndpointVerdict,
  ): Pick<EndpointExplanation, 'verdict' | 'tier'> {
    if (!admitted) return { verdict: 'outsideResidency' };
    return this.#verdicts.get(endpoint) ?? { verdict: otherwise(endpoint) };
  }
}

/** Why the walk did not come to an endpoint. */
function unasked(
  policy: CompiledPolicy,
  { matches, wanted }: Evaluation,
): (endpoint: CompiledEndpoint) => EndpointVerdict {
  // Without data of the type asked for there is no walk at all.
  if (wanted === undefined) return () => 'noAddress';
  const inTiers = new Set(orderedTiers(policy, matches).flatMap((t) => t.members.map((m) => m.endpoint)));
  const outside = policy.source.nextBest === 'nearest' ? 'byDistance' : 'inNoTier';
  return (endpoint) => (inTiers.has(endpoint) ? 'notAsked' : outside);
}

function tierText(origin: TierOrigin): string {
  switch (origin.kind) {
    case 'rule':
      return `rule ${origin.rule}, tier ${origin.tier + 1}`;
    case 'default':
      return `default, tier ${origin.tier + 1}`;
    case 'nearest':
      return origin.distanceKm === undefined ? 'anywhere' : `nearest, at ${origin.distanceKm} km`;
  }
}

function modeReason(
  policy: CompiledPolicy,
  { mode, residency, capacity, wanted }: Evaluation,
  query: RoutingQuery,
): string {
  const inside =
    residency.rules.length === 0 ? '' : ` in ${residency.rules.map((rule) => rule.region).join(' and ')}`;
  switch (mode) {
    case 'healthy':
      return 'the first tier with a healthy member answers';
    case 'panicThreshold': {
      const percent = capacity === undefined ? 0 : Math.round((capacity.healthy / capacity.total) * 100);
      return `only ${percent} % of the capacity${inside} is healthy, less than the panic threshold of ${policy.source.panicThresholdPercent} %: health is ignored`;
    }
    case 'maintenance':
      return `nobody${inside} is healthy: the maintenance address of residency ${residency.governing?.region ?? ''} answers`;
    case 'lastAnswer':
      return `nobody${inside} is healthy: the last healthy answer stays, as residency ${residency.governing?.region ?? ''} says`;
    case 'panic':
      return `nobody${inside} is healthy: everybody${inside} who is not drained answers`;
    case 'lastResort':
      return `everybody who could answer${inside} is drained: they answer rather than nobody`;
    case 'noData':
      return wanted === undefined
        ? `no endpoint${inside} has ${typeName(query.qtype)} records, whatever its state: no data`
        : `no endpoint${inside} can be reached by the rules: no data`;
  }
}

function targetsOf(
  endpoint: CompiledEndpoint,
  { wanted }: Evaluation,
  state: StateView,
): EndpointExplanation['targets'] {
  const all: readonly ServedAddress[] =
    endpoint.cname !== undefined
      ? [{ address: endpoint.cname.name, targetId: endpoint.cname.targetId }]
      : wanted === 4
        ? endpoint.v4
        : wanted === 6
          ? endpoint.v6
          : [...endpoint.v4, ...endpoint.v6];
  return all.map(({ address, targetId }) => {
    const target = state.target(targetId);
    return {
      address,
      state: target.state,
      ...(target.reason === undefined ? {} : { reason: target.reason }),
    };
  });
}

function placeText({ client, location, locationKnown }: Explanation): string {
  const place = location.subdivision ?? location.country ?? location.continent;
  const where =
    place === undefined
      ? 'an unknown location'
      : locationKnown === 'partly'
        ? `${place} (at least in part)`
        : place;
  return client === undefined ? where : `${client} in ${where}`;
}

function endpointText({
  endpoint,
  country,
  verdict,
  tier,
  sharePercent,
  targets,
}: EndpointExplanation): string {
  const share = verdict === 'eligible' ? `${round(sharePercent)} %` : VERDICT_TEXT[verdict];
  const where = tier === undefined ? '' : `, ${tier}`;
  const notUp = targets
    .filter((target) => target.state !== 'up' || target.reason !== undefined)
    .map((target) => `${target.address} ${target.reason ?? target.state}`);
  const health = notUp.length === 0 ? '' : ` [${notUp.join('; ')}]`;
  return `${endpoint} (${country}): ${share}${where}${health}`;
}

function answerText({ answers }: Decision): string {
  return answers.length === 0 ? 'no data' : answers.map(partText).join(', ');
}

function partText(answer: Answer): string {
  switch (answer.kind) {
    case 'addresses':
      return `${answer.endpoint} ${answer.addresses.join(' ')}`;
    case 'cname':
      return `${answer.endpoint} CNAME ${answer.name}`;
    case 'maintenance':
      return `maintenance ${answer.addresses.join(' ')}`;
  }
}

function round(percent: number): number {
  return Math.round(percent * 10) / 10;
}
