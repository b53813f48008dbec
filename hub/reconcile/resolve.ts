import { formatIp } from '../../src/dns/address.ts';
import { type DomainName, parentOf, wildcardUnder } from '../../src/dns/name.ts';
import { formatRdata } from '../../src/dns/records/catalogue.ts';
import { respond } from '../../src/dns/respond.ts';
import type { AnswerTable } from '../../src/dns/table.ts';
import { CLASS, parseType, RCODE, typeName } from '../../src/dns/types.ts';
import { encodeMessage, makeQuery } from '../../src/dns/wire/message.ts';
import { parseQuery } from '../../src/dns/wire/query.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { NO_PENDING_CHANGE_MS } from '../../src/health/types.ts';
import type { CompiledPolicy } from '../../src/routing/compiled.ts';
import {
  type EndpointExplanation,
  type Explanation,
  explain,
  explainText,
} from '../../src/routing/explain.ts';
import { countryLocation, parseClient, UNLOCATED } from '../../src/routing/location.ts';
import type { ClientAddress, GeoLookup, Located, StateView } from '../../src/routing/model.ts';
import type { ResolveQuestion, ResolveResult } from '../api/services.ts';
import type { PlaceFinder } from './places.ts';
import type { World } from './world.ts';

export interface ResolveInput {
  readonly table: AnswerTable;
  readonly world: World;
  readonly view: StateView;
  readonly geo: GeoLookup;
  readonly places: PlaceFinder;
  readonly sequence: number;
}

/** Nobody knows where this client is: what ECS /0 says. */
const NOWHERE: ClientAddress = { family: 4, bytes: new Uint8Array(4), prefixLength: 0, source: 'ecs' };

/** "What would they get, why, and for how long?", from the same code and the same table that answer DNS. */
export function resolve(question: ResolveQuestion, input: ResolveInput): ResolveResult {
  const type = parseType(question.type);
  if (type === undefined) {
    throw new PortolanError('USAGE', `"${question.type}" is no record type`, {
      fix: 'Use A, AAAA, MX, TXT or another type.',
    });
  }
  const client = clientOf(question, input.places);
  const query = parseQuery(encodeMessage(makeQuery(0, { name: question.hostname, type, class: CLASS.IN })));
  if (query === undefined)
    throw new PortolanError('DNS_NAME_INVALID', `${question.hostname} cannot be asked for`);
  const decision = respond(input.table, query, client);
  const located: Located = client.prefixLength === 0 ? UNLOCATED : input.geo.locate(client);
  const names = [question.hostname, ...decision.answer.map((a) => a.owner)];
  const routed = names.map((name) => policyFor(name, input)).find((p) => p !== undefined);
  const zone = [...input.world.objects.Zone.values()].find((z) => z.spec.origin === decision.zone?.origin);
  const namespace = routed?.source.namespace ?? zone?.metadata.namespace;
  return {
    hostname: question.hostname,
    type: typeName(type),
    rcode: rcodeOf(decision.rcode),
    answers: decision.answer.flatMap(({ owner, set }) =>
      set.records.map((r) => ({
        name: owner,
        type: typeName(set.type),
        ttlSeconds: set.ttlSeconds,
        data: formatRdata(r),
      })),
    ),
    client: {
      ...(client.prefixLength === 0
        ? {}
        : {
            address:
              client.source === 'ecs'
                ? `${formatIp(client.bytes)}/${client.prefixLength}`
                : formatIp(client.bytes),
          }),
      ...(located.location.country === undefined ? {} : { country: located.location.country }),
      ...(located.location.subdivision === undefined ? {} : { subdivision: located.location.subdivision }),
      ...(located.location.continent === undefined ? {} : { continent: located.location.continent }),
      source: question.from.kind,
    },
    ...(namespace === undefined ? {} : { namespace }),
    ...(routed === undefined ? {} : { policy: routed.source.name }),
    ...(zone === undefined ? {} : { zone: zone.metadata.name }),
    ...why(routed, zone?.metadata.name, { type, client, located }, decision.answer.length, input),
    sequence: input.sequence,
  };
}

function clientOf(question: ResolveQuestion, places: PlaceFinder): ClientAddress {
  switch (question.from.kind) {
    case 'client':
      return parseClient(question.from.address);
    case 'unknown':
      return NOWHERE;
    case 'country': {
      const network = places.networkIn(question.from.country);
      if (network !== undefined) return network;
      const known = countryLocation(question.from.country).country !== undefined;
      throw new PortolanError(
        'USAGE',
        known
          ? `the GeoIP database has no network for ${question.from.country} that could be found quickly`
          : `"${question.from.country}" is no country code`,
        {
          fix: known
            ? 'Ask with --client and an address from there.'
            : 'Write an ISO 3166-1 code, such as DE.',
        },
      );
    }
  }
}

/** The policy that routes `name`: its own, or that of the closest wildcard above it. */
function policyFor(name: DomainName, { world }: ResolveInput): CompiledPolicy | undefined {
  const exact = world.hostnames.get(name);
  if (exact !== undefined) return world.policies.get(exact)?.routed?.compiled;
  for (let at = parentOf(name); at !== undefined && at !== '.'; at = parentOf(at)) {
    const key = world.hostnames.get(wildcardUnder(at));
    if (key !== undefined) return world.policies.get(key)?.routed?.compiled;
  }
  return undefined;
}

function why(
  policy: CompiledPolicy | undefined,
  zone: string | undefined,
  query: { readonly type: number; readonly client: ClientAddress; readonly located: Located },
  answers: number,
  input: ResolveInput,
): Pick<ResolveResult, 'explanation' | 'candidates' | 'scopePrefixLength' | 'stableForMs'> {
  if (policy === undefined) {
    const text =
      zone === undefined
        ? 'no zone of this hub contains the name'
        : answers === 0
          ? `zone ${zone} has no such record`
          : `static record of zone ${zone}`;
    return { explanation: [text], candidates: [], scopePrefixLength: 0, stableForMs: 0 };
  }
  const explained = explain(
    policy,
    { qtype: query.type, client: query.client, located: query.located },
    input.view,
    Math.random,
  );
  const { explanation } = explained;
  return {
    // The draw of the explanation is another one than that of the answer section, which is shown.
    explanation: explainText(explained).filter(
      (line) => !line.startsWith('answer: ') && !line.startsWith('  '),
    ),
    candidates: explanation.endpoints.map((e) => ({
      endpoint: e.endpoint,
      cluster: e.cluster,
      addresses: e.targets.map((t) => t.address),
      state: e.targets.find((t) => t.state === 'up')?.state ?? e.targets[0]?.state ?? 'unknown',
      sharePercent: Math.round(e.sharePercent * 10) / 10,
      reason: candidateReason(e, explanation.mode),
    })),
    scopePrefixLength: explanation.scopePrefixLength,
    stableForMs:
      explanation.staysForSeconds === undefined ? NO_PENDING_CHANGE_MS : explanation.staysForSeconds * 1000,
  };
}

const VERDICT_TEXT: Readonly<Record<EndpointExplanation['verdict'], string>> = {
  eligible: 'answers',
  outsideResidency: 'outside the residency region: never for this place',
  noAddress: 'has no address of this type',
  drained: 'drained',
  down: 'down',
  unknown: 'not seen yet',
  standby: 'standby (weight 0)',
  notAsked: 'an earlier tier answers',
  byDistance: 'in no tier that applies here, only next by distance',
  inNoTier: 'in no tier that applies here',
};

function candidateReason(e: EndpointExplanation, mode: Explanation['mode']): string {
  const unwell = e.targets.every((t) => t.state !== 'up');
  const health = e.targets.find((t) => t.reason !== undefined && unwell)?.reason;
  const answersAllTheSame = e.sharePercent > 0 && unwell && mode !== 'healthy';
  const verdict = answersAllTheSame ? `${health ?? 'down'}; answers all the same (${mode})` : undefined;
  const reason =
    verdict ??
    (e.verdict === 'down' || e.verdict === 'unknown' ? health : undefined) ??
    VERDICT_TEXT[e.verdict];
  return [reason, ...(e.tier === undefined ? [] : [e.tier])].join('; ');
}

function rcodeOf(rcode: number): ResolveResult['rcode'] {
  if (rcode === RCODE.NOERROR) return 'NOERROR';
  if (rcode === RCODE.NXDOMAIN) return 'NXDOMAIN';
  return rcode === RCODE.REFUSED ? 'REFUSED' : 'SERVFAIL';
}
