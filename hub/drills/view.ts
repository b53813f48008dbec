import { randomUUID } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import type { DnsQuestion, DnsReply } from '../../nameserver/ask.ts';
import { formatIp } from '../../src/dns/address.ts';
import { tryParseName } from '../../src/dns/name.ts';
import { RCODE, rcodeName, TYPE } from '../../src/dns/types.ts';
import { messageOf } from '../../src/errors/error.ts';
import {
  type HubMessage,
  HubMessageSchema,
  type ObservationBatch,
  Observe_QuestionSchema,
  ObserveSchema,
} from '../../src/protocol/generated/portolan_pb.js';
import type { Resource } from '../../src/resources/catalogue.ts';
import { countryLocation } from '../../src/routing/location.ts';
import type { ClientAddress } from '../../src/routing/model.ts';
import { typesAt } from '../../src/routing/policy-types.ts';
import type { Moment } from '../reconcile/capacity.ts';
import type { Engine } from '../reconcile/engine.ts';
import { objectKey } from '../reconcile/objects.ts';
import type { PlaceFinder } from '../reconcile/places.ts';
import { targetsOf, type WorldContext } from '../reconcile/world.ts';
import { type MetricsSource, readCounters } from './backends.ts';
import { addressesOf, hostnamesUsing, residencyBreach, standingGuards } from './guards.ts';
import type { AnswerSample } from './observations.ts';
import type { DrillView } from './run.ts';
import { rampsOf, sharesOf } from './shares.ts';

export interface DrillViewOptions {
  readonly engine: Engine;
  readonly context: WorldContext;
  readonly places: PlaceFinder;
  /** The hub's own name server. */
  readonly ownServer: () => { readonly host: string; readonly port: number } | undefined;
  readonly ask: (question: DnsQuestion) => Promise<DnsReply>;
  readonly send: (agentUid: string, message: HubMessage) => void;
  readonly wallMs: () => number;
}

/** Asked of each name server in one round at most: hostnames and countries beyond are left out, and the report says which are in. */
const MAX_HOSTNAMES = 10;
const MAX_COUNTRIES = 12;
const ASK_TIMEOUT_MS = 400;

interface Question {
  /** As the policy has it. */
  readonly hostname: string;
  /** What is asked: a name below a wildcard stands for all of them. */
  readonly name: string;
  readonly type: number;
  readonly country: string;
  readonly network: ClientAddress;
}

/** What drills see of the real system: every name server is asked over DNS, the backends over HTTP. */
export function createDrillView(
  options: DrillViewOptions,
): DrillView & { onObservations(agentUid: string, batch: ObservationBatch): void } {
  const { engine, context } = options;
  /** By question id and agent: nobody answers for another. */
  const waiting = new Map<string, (batch: ObservationBatch) => void>();
  const moment = (): Moment => ({ targetState: (id) => engine.health.state(id), wallMs: options.wallMs() });
  const clusterOf = (drill: Resource<'Drill'>): string =>
    objectKey(drill.metadata.namespace, drill.spec.cluster);

  function questionsOf(drill: Resource<'Drill'>): readonly Question[] {
    const { world } = engine;
    const hostnames = hostnamesUsing(world, clusterOf(drill)).slice(0, MAX_HOSTNAMES);
    const countries = drill.spec.countries.length > 0 ? drill.spec.countries : countriesOf(hostnames);
    return hostnames.flatMap((hostname) => {
      const policy = world.policies.get(world.hostnames.get(hostname) ?? '')?.routed?.compiled;
      if (policy === undefined) return [];
      const name = hostname.replace(/^\*\./, 'drill.');
      return countries.slice(0, MAX_COUNTRIES).flatMap((country) => {
        const network = options.places.networkIn(country);
        const types = typesAt(policy, {
          location: countryLocation(country),
          prefixLength: 0,
          exact: true,
        });
        // An alias answers both; where there are only IPv6 addresses, they are what is followed.
        const type = types.has(TYPE.AAAA) && !types.has(TYPE.A) ? TYPE.AAAA : TYPE.A;
        return network === undefined ? [] : [{ hostname, name, country, network, type }];
      });
    });
  }

  /** Where the endpoints are and what the rules name: the places whose answers can differ. */
  function countriesOf(hostnames: readonly string[]): readonly string[] {
    const countries = new Set<string>();
    for (const hostname of hostnames) {
      const policy = engine.world.policies.get(engine.world.hostnames.get(hostname) ?? '')?.routed?.policy;
      for (const endpoint of policy?.endpoints ?? []) countries.add(endpoint.country);
      for (const rule of policy?.geo ?? []) for (const country of rule.countries) countries.add(country);
    }
    return [...countries].sort();
  }

  async function askOwn(questions: readonly Question[]): Promise<readonly AnswerSample[]> {
    const server = options.ownServer();
    if (server === undefined) return [];
    return Promise.all(
      questions.map(async ({ hostname, name: asked, type, country, network }): Promise<AnswerSample> => {
        const name = tryParseName(asked);
        const base = { server: 'hub', hostname, country };
        if (typeof name === 'object') return { ...base, answers: [], ttlSeconds: 0, error: name.reason };
        return options.ask({ ...server, name, type, subnet: network, timeoutMs: ASK_TIMEOUT_MS }).then(
          (reply) => ({
            ...base,
            answers: reply.answers.map((a) => a.data),
            ttlSeconds: Math.min(...reply.answers.map((a) => a.ttlSeconds), 86_400),
            ...failure(reply.rcode),
          }),
          (thrown: unknown) => ({ ...base, answers: [], ttlSeconds: 0, error: messageOf(thrown) }),
        );
      }),
    );
  }

  function askAgent(
    agentUid: string,
    server: string,
    questions: readonly Question[],
  ): Promise<readonly AnswerSample[]> {
    const id = randomUUID();
    const value = create(ObserveSchema, {
      id,
      questions: questions.map((q) =>
        create(Observe_QuestionSchema, {
          hostname: q.name,
          type: q.type,
          country: q.country,
          subnet: `${formatIp(q.network.bytes)}/${q.network.prefixLength}`,
        }),
      ),
    });
    return new Promise((resolve) => {
      const silent = questions.map((q) => ({
        server,
        hostname: q.hostname,
        country: q.country,
        answers: [],
        ttlSeconds: 0,
        error: 'no answer from the agent',
      }));
      const end = (samples: readonly AnswerSample[]): void => {
        clearTimeout(deadline);
        waiting.delete(`${id} ${agentUid}`);
        resolve(samples);
      };
      const deadline = setTimeout(() => end(silent), ASK_TIMEOUT_MS * 2);
      waiting.set(`${id} ${agentUid}`, (batch) =>
        end(
          batch.observations.map((o) => ({
            server,
            hostname: questions.find((q) => q.name === o.hostname)?.hostname ?? o.hostname,
            country: o.country,
            answers: o.answers,
            ttlSeconds: o.ttlSeconds,
            ...(o.error === '' ? failure(o.rcode) : { error: o.error }),
          })),
        ),
      );
      options.send(agentUid, create(HubMessageSchema, { kind: { case: 'observe', value } }));
    });
  }

  return {
    guards: (drill) => standingGuards(engine.world, context, drill.spec, clusterOf(drill), moment()),
    breach: (sample) => residencyBreach(engine.world, context, sample),
    addresses(drill) {
      const endpoints = [...engine.world.policies.values()].flatMap((e) => e.routed?.policy.endpoints ?? []);
      return new Set(endpoints.filter((e) => e.cluster === clusterOf(drill)).flatMap(addressesOf));
    },
    share: (drill) => sharesOf(engine.world, questionsOf(drill), clusterOf(drill), engine.health.view),
    rampSeconds: (drill) =>
      drill.spec.action === 'fail'
        ? 0
        : Math.max(0, ...rampsOf(engine.world, clusterOf(drill)).map((r) => r.seconds)),
    progress(drill) {
      const cluster = clusterOf(drill);
      if (drill.spec.action === 'drain') {
        const drained = engine.health.isDrained(cluster);
        return {
          detected: drained,
          decided: drained,
          detail: drained ? `${cluster} is drained` : `${cluster} is active`,
        };
      }
      const states = targetsOf(engine.world, cluster).flatMap((t) => {
        const state = engine.health.explain(t.id);
        return state === undefined ? [] : [state];
      });
      const accused = states.find((s) => s.votes.some((v) => v.verdict === 'down'));
      const down = states.filter((s) => s.state === 'down');
      return {
        detected: accused !== undefined,
        decided: states.length > 0 && down.length === states.length,
        detail: down[0]?.reason ?? accused?.reason ?? `${cluster} is up`,
      };
    },
    async observe(drill) {
      const questions = questionsOf(drill);
      const agents = engine.agents.all.filter((a) => a.connected && a.nameServers.length > 0);
      const rounds = await Promise.all([
        askOwn(questions),
        ...agents.map((a) =>
          askAgent(
            a.identity.agentUid,
            objectKey(a.identity.cluster.namespace, a.identity.cluster.name),
            questions,
          ),
        ),
      ]);
      return rounds.flat();
    },
    async counters(drill) {
      const sources = metricsSources(drill);
      const read = await Promise.all(
        sources.map(async (s) => ({ source: s, totals: await readCounters(s, ASK_TIMEOUT_MS) })),
      );
      return read.flatMap(({ source, totals }) =>
        totals === undefined ? [] : [{ endpoint: source.endpoint, ...totals }],
      );
    },
    onObservations(agentUid, batch) {
      waiting.get(`${batch.id} ${agentUid}`)?.(batch);
    },
  };

  /** One per address and port; endpoints of several policies may share them, and may share a name without being the same. */
  function metricsSources(drill: Resource<'Drill'>): readonly MetricsSource[] {
    const { metrics } = drill.spec;
    if (metrics === undefined) return [];
    const { world } = engine;
    const keys = new Set(hostnamesUsing(world, clusterOf(drill)).map((h) => world.hostnames.get(h) ?? ''));
    const sources = new Map<string, MetricsSource>();
    for (const key of keys) {
      for (const endpoint of world.policies.get(key)?.routed?.policy.endpoints ?? []) {
        const [first] = endpoint.addresses;
        if (first === undefined) continue;
        const port = metrics.port ?? world.targets.get(first.targetId)?.port ?? 80;
        const at = `${first.address} ${port}`;
        if (sources.has(at)) continue;
        const taken = [...sources.values()].some((s) => s.endpoint === endpoint.name);
        // The address was admitted with the policy, so it is one that probes may contact.
        sources.set(at, {
          endpoint: taken ? `${key}/${endpoint.name}` : endpoint.name,
          address: first.address,
          port,
          path: metrics.path,
          requests: metrics.requests,
          errors: metrics.errors,
        });
      }
    }
    return [...sources.values()];
  }
}

/** A name server that answers SERVFAIL or REFUSED says nothing of the cluster: resolvers ask another one. */
function failure(rcode: number): { readonly error?: string } {
  return rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN ? {} : { error: `answered ${rcodeName(rcode)}` };
}
