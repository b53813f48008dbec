import { type AlpnCertificate, alpnCertificate } from '../../src/certificates/alpn-certificate.ts';
import { messageOf, PortolanError } from '../../src/errors/error.ts';
import { covers } from '../../src/policy/hostnames.ts';
import type { AcmeChallengeAnswers, GatewayPart } from '../../src/policy/model.ts';
import type { ClusterGateways } from '../gateways/gateways.ts';
import type { KnownAgent } from '../reconcile/agent-directory.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { ChallengePresenter, WantedChallenge } from './contract.ts';

type GatewayChallengeType = 'http-01' | 'tls-alpn-01';

export interface GatewayChallengeOptions {
  /** What the gateways of each cluster have now. */
  readonly gateways: () => ReadonlyMap<ObjectKey, Pick<ClusterGateways, 'part' | 'secrets' | 'digest'>>;
  readonly agentOf: (
    cluster: ObjectKey,
  ) => Pick<KnownAgent, 'connected' | 'applied' | 'refused' | 'snapshotParts'> | undefined;
  /** Clusters get something else: `version` has grown. */
  readonly onChange: () => void;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly wallMs: () => number;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
  /** How long `visible` waits; default: a minute. */
  readonly patienceMs?: number;
}

/** http-01 and tls-alpn-01 (RFC 8555 section 8.3, RFC 8737), answered by the gateways that serve a name. */
export interface GatewayChallenges {
  readonly http: ChallengePresenter;
  readonly tlsAlpn: ChallengePresenter;
  /** Grows whenever `of` may answer otherwise. */
  readonly version: number;
  /** What the gateways of a cluster have to answer; undefined: nothing. @param part what they serve */
  of(cluster: ObjectKey, part: GatewayPart): AcmeChallengeAnswers | undefined;
}

const PATIENCE_MS = 60_000;
/** Acknowledgements come within tenths of a second. */
const LOOK_EVERY_MS = 100;
/** While agents still take the last set, the next one is gathered: each is a snapshot for every cluster that serves a name. */
const GATHER_MS = 3_000;
/** Configurations of a cluster that an acknowledgement may be about. */
const DIGESTS_KEPT = 32;
/** Where CAs connect to, and nowhere else (RFC 8555 section 8.3, RFC 8737 section 3). */
const ASKED = {
  'http-01': { protocol: 'http', port: 80 },
  'tls-alpn-01': { protocol: 'https', port: 443 },
} as const;

export function createGatewayChallenges(options: GatewayChallengeOptions): GatewayChallenges {
  const { gateways, agentOf, onChange, log, wallMs, patienceMs = PATIENCE_MS } = options;
  const wanted: Record<GatewayChallengeType, readonly WantedChallenge[]> = {
    'http-01': [],
    'tls-alpn-01': [],
  };
  /** By key authorization; undefined while it is made. */
  const certificates = new Map<string, AlpnCertificate | undefined>();
  const waiting = new Set<() => void>();
  /** Which answers each configuration of a cluster had, by its digest: an agent may confirm one that is not the newest any more. */
  const answered = new Map<ObjectKey, Map<string, AcmeChallengeAnswers>>();
  const warned = new Set<string>();
  /** What clusters are to be given: `wanted`, as it was when it was published last. */
  let published: Record<GatewayChallengeType, readonly WantedChallenge[]> = { ...wanted };
  let publishedMs = Number.NEGATIVE_INFINITY;
  let dirty = false;
  let version = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const clustersOf = (namespace: string, name: string, type: GatewayChallengeType): readonly ObjectKey[] =>
    [...gateways()].flatMap(([cluster, { part }]) =>
      servesName(part, namespace, name, type) ? [cluster] : [],
    );

  /** All agents that are there have the set that was published last. */
  const settled = (): boolean =>
    (['http-01', 'tls-alpn-01'] as const).every((type) =>
      published[type].every((one) => lacking(one).length === 0),
    );

  const isBeingMade = ({ challenge }: WantedChallenge): boolean =>
    certificates.get(challenge.keyAuthorization) === undefined;

  /** Connected agents that have not confirmed it, and nobody else. */
  function lacking({ namespace, challenge }: WantedChallenge): readonly ObjectKey[] {
    const type = gatewayType(challenge.type);
    return clustersOf(namespace, challenge.name, type).filter((cluster) => {
      const agent = agentOf(cluster);
      return (
        agent?.connected === true && agent.snapshotParts.includes('gateway') && !has(cluster, agent, type)
      );
    });

    function has(
      cluster: ObjectKey,
      { applied }: Pick<KnownAgent, 'applied'>,
      of: GatewayChallengeType,
    ): boolean {
      const answers = answered.get(cluster)?.get(applied?.gateway ?? '');
      if (answers === undefined) return false;
      if (of === 'http-01') return answers.http[challenge.token] === challenge.keyAuthorization;
      const made = certificates.get(challenge.keyAuthorization);
      return made !== undefined && answers.tlsAlpn[challenge.name]?.certificatePem === made.certificatePem;
    }
  }

  function note(): void {
    for (const [cluster, { digest, secrets }] of gateways()) {
      const known = answered.get(cluster) ?? new Map<string, AcmeChallengeAnswers>();
      answered.set(cluster, known);
      if (known.has(digest)) continue;
      known.set(digest, secrets.challenges ?? { http: {}, tlsAlpn: {} });
      for (const oldest of known.keys()) {
        if (known.size <= DIGESTS_KEPT) break;
        known.delete(oldest);
      }
    }
    for (const cluster of [...answered.keys()]) if (!gateways().has(cluster)) answered.delete(cluster);
  }

  function publish(): void {
    if (!dirty || (performance.now() - publishedMs < GATHER_MS && !settled())) return;
    dirty = false;
    const next = {
      'http-01': wanted['http-01'],
      // Those whose certificate is still made come after it.
      'tls-alpn-01': wanted['tls-alpn-01'].filter((one) => !isBeingMade(one)),
    };
    if (textOf(next) === textOf(published)) return;
    published = next;
    publishedMs = performance.now();
    version += 1;
    onChange();
  }

  /** Runs while something is to be published or waited for. */
  function watch(): void {
    if (timer !== undefined || closed) return;
    timer = setInterval(() => {
      note();
      publish();
      for (const look of [...waiting]) look();
      if (dirty || waiting.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    }, LOOK_EVERY_MS);
  }

  function changed(): void {
    dirty = true;
    note();
    publish();
    watch();
  }

  async function makeCertificate({ challenge }: WantedChallenge): Promise<void> {
    const { name, keyAuthorization } = challenge;
    certificates.set(keyAuthorization, undefined);
    try {
      const made = await alpnCertificate({
        name,
        keyAuthorization,
        nowMs: wallMs(),
        randomBytes: options.randomBytes,
      });
      if (!certificates.has(keyAuthorization)) return;
      certificates.set(keyAuthorization, made);
      changed();
    } catch (thrown) {
      certificates.delete(keyAuthorization);
      log.warn(
        { name, error: messageOf(thrown) },
        'the certificate of a tls-alpn-01 challenge cannot be made',
      );
    }
  }

  function presenter(type: GatewayChallengeType): ChallengePresenter {
    const { protocol, port } = ASKED[type];
    return {
      type,
      async can(namespace, name) {
        const clusters = clustersOf(namespace, name, type);
        if (clusters.length === 0)
          return {
            ok: false,
            why: `no Gateway of ${namespace} has a listener for ${name} on a cluster with an ${protocol.toUpperCase()} port`,
          };
        const elsewhere = clusters.filter(
          (cluster) => !hasPort(gateways().get(cluster)?.part, protocol, port),
        );
        const key = `${type} ${namespace}/${name}`;
        if (elsewhere.length > 0 && !warned.has(key)) {
          warned.add(key);
          log.warn(
            { name, clusters: elsewhere },
            `a CA asks for ${type} at port ${port}, which no Gateway of these clusters has: something has to lead it to another port`,
          );
        }
        return { ok: true };
      },

      want(challenges) {
        const next = challenges.toSorted((a, b) => (identityOf(a) < identityOf(b) ? -1 : 1));
        if (next.map(identityOf).join() === wanted[type].map(identityOf).join()) return;
        wanted[type] = next;
        if (type === 'tls-alpn-01') {
          const kept = new Set(next.map(({ challenge }) => challenge.keyAuthorization));
          for (const key of [...certificates.keys()]) if (!kept.has(key)) certificates.delete(key);
          for (const one of next)
            if (!certificates.has(one.challenge.keyAuthorization)) void makeCertificate(one);
        }
        changed();
      },

      visible(one, signal) {
        const { namespace, challenge } = one;
        const sinceMs = performance.now();
        return new Promise((resolve, reject) => {
          const end = (): void => {
            waiting.delete(look);
            signal.removeEventListener('abort', aborted);
          };
          const fail = (message: string): void => {
            end();
            reject(new PortolanError('CHALLENGE_NOT_VISIBLE', `${type} for ${challenge.name}: ${message}`));
          };
          const aborted = (): void => {
            end();
            reject(PortolanError.from(signal.reason));
          };
          const look = (): void => {
            const late = performance.now() - sinceMs >= patienceMs;
            const clusters = clustersOf(namespace, challenge.name, type);
            if (clusters.length === 0) {
              if (late) fail(`no gateway serves ${challenge.name} any more`);
              return;
            }
            const missing = lacking(one);
            const away = clusters.filter((cluster) => agentOf(cluster)?.connected !== true);
            if (missing.length === 0 && away.length < clusters.length) {
              end();
              if (away.length > 0)
                log.info(
                  { name: challenge.name, clusters: away },
                  `the agents of these clusters are away and do not answer ${type}: it fails if the CA asks there`,
                );
              resolve();
              return;
            }
            if (!late) return;
            const why = missing.map((cluster) => {
              const refused = agentOf(cluster)?.refused;
              return refused === undefined
                ? `${cluster} has not confirmed it`
                : `${cluster} refused it: ${refused}`;
            });
            fail([...why, ...away.map((cluster) => `the agent of ${cluster} has no connection`)].join('; '));
          };
          signal.addEventListener('abort', aborted, { once: true });
          if (signal.aborted) {
            aborted();
            return;
          }
          waiting.add(look);
          watch();
        });
      },

      async close() {
        closed = true;
        clearInterval(timer);
        timer = undefined;
      },
    };
  }

  return {
    http: presenter('http-01'),
    tlsAlpn: presenter('tls-alpn-01'),
    get version() {
      return version;
    },
    of(_cluster, part) {
      const http: Record<string, string> = {};
      const tlsAlpn: Record<string, AlpnCertificate> = {};
      for (const { namespace, challenge } of published['http-01'])
        if (servesName(part, namespace, challenge.name, 'http-01'))
          http[challenge.token] = challenge.keyAuthorization;
      for (const { namespace, challenge } of published['tls-alpn-01']) {
        const made = certificates.get(challenge.keyAuthorization);
        if (made !== undefined && servesName(part, namespace, challenge.name, 'tls-alpn-01'))
          tlsAlpn[challenge.name] = made;
      }
      const some = Object.keys(http).length + Object.keys(tlsAlpn).length > 0;
      return some ? { http, tlsAlpn } : undefined;
    },
  };
}

/**
 * A listener for the name is there, of a Gateway of the namespace or one that shows certificates of its policies, and a port that a CA can be
 * answered on: what one tenant's gateways serve is no proof for another's.
 */
function servesName(part: GatewayPart, namespace: string, name: string, type: GatewayChallengeType): boolean {
  const { protocol } = ASKED[type];
  if (!part.ports.some((port) => port.protocol === protocol)) return false;
  return part.ports.some((port) =>
    port.listeners.some(
      ({ hostname, source, tls }) =>
        port.protocol !== 'tls' &&
        covers(hostname, name) &&
        (source.name.startsWith(`${namespace}/`) ||
          tls?.certificates.some((ref) => ref.startsWith(`certificatepolicy/${namespace}/`)) === true),
    ),
  );
}

function hasPort(part: GatewayPart | undefined, protocol: string, port: number): boolean {
  return part?.ports.some((one) => one.protocol === protocol && one.port === port) === true;
}

function gatewayType(type: WantedChallenge['challenge']['type']): GatewayChallengeType {
  return type === 'tls-alpn-01' ? type : 'http-01';
}

function textOf(all: Readonly<Record<GatewayChallengeType, readonly WantedChallenge[]>>): string {
  return [...all['http-01'].map(identityOf), '', ...all['tls-alpn-01'].map(identityOf)].join();
}

function identityOf({ namespace, challenge }: WantedChallenge): string {
  return `${namespace} ${challenge.name} ${challenge.keyAuthorization}`;
}
