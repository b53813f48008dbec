import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { OutboundGuard } from '../../providers/contract.ts';
import { covers, withoutWildcard } from '../../src/certificates/names.ts';
import { messageOf } from '../../src/errors/error.ts';
import { sha256Hex } from '../../src/identity/digest.ts';
import { covers as hostCovers } from '../../src/policy/hostnames.ts';
import type { GatewayPart } from '../../src/policy/model.ts';
import type { CertificatePolicyStatus } from '../../src/resources/certificate-policy.ts';
import type { ClusterGateways, Gateways } from '../gateways/gateways.ts';
import type { KnownAgent } from '../reconcile/agent-directory.ts';
import type { ObjectKey } from '../reconcile/objects.ts';
import type { CertificatesView } from './statuses.ts';

export type Seen = Pick<CertificatePolicyStatus['clusters'][number], 'served' | 'detail'>;

/** Looks from outside at what gateways show: the hub connects to them as any client does. */
export interface ServedCheck {
  of(policy: ObjectKey, cluster: ObjectKey): Seen | undefined;
  /** Something may be otherwise: what is due is looked at. Resolves when it was. */
  look(): Promise<void>;
  close(): Promise<void>;
}

/** A certificate that clusters have. */
export interface ServedCertificate {
  readonly names: readonly string[];
  /** Of the leaf's DER, hex. */
  readonly sha256: string;
}

/** Whether something is due; most of the time nothing is. */
const LOOK_EVERY_MS = 3_000;
const AGAIN_MS = 3_600_000;
/** What was wrong, or out of reach, may be right soon. */
const WRONG_AGAIN_MS = 60_000;
const CONNECT_MS = 5_000;
/** Names of a policy that are asked for at each cluster. */
const MAX_NAMES = 16;
const PARALLEL = 8;

export function createServedCheck(options: {
  readonly policies: () => ReadonlyMap<ObjectKey, { readonly clusters: readonly ObjectKey[] }> | undefined;
  /** What gateways of a cluster have of a policy now. */
  readonly certificates: (policy: ObjectKey, cluster: ObjectKey) => readonly ServedCertificate[];
  readonly gateways: () => ReadonlyMap<ObjectKey, Pick<ClusterGateways, 'part' | 'digest'>>;
  readonly agentOf: (cluster: ObjectKey) => Pick<KnownAgent, 'applied' | 'gateways'> | undefined;
  /** Where clients reach it (`clusterAddresses`). */
  readonly addressesOf: (cluster: ObjectKey) => readonly string[];
  /** I32. */
  readonly guard: Pick<OutboundGuard, 'check' | 'lookup'>;
  readonly wallMs: () => number;
  readonly onChange: () => void;
}): ServedCheck {
  const { guard, wallMs } = options;
  const seen = new Map<string, { readonly of: string; readonly atMs: number; readonly result: Seen }>();
  const ending = new AbortController();
  let looking: Promise<void> | undefined;

  interface Work {
    readonly key: string;
    readonly of: string;
    readonly look: () => Promise<Seen>;
  }

  function due(): readonly Work[] {
    const found: Work[] = [];
    const kept = new Set<string>();
    for (const [policy, { clusters }] of options.policies() ?? []) {
      for (const cluster of clusters) {
        const own = options.gateways().get(cluster);
        const agent = options.agentOf(cluster);
        const certificates = options.certificates(policy, cluster);
        // Nothing is to be seen before the agent has confirmed it.
        if (own === undefined || certificates.length === 0 || agent?.applied?.gateway !== own.digest)
          continue;
        const places = placesOf(own.part, policy, agent.gateways ?? [], options.addressesOf(cluster));
        const asked = askedOf(own.part, policy, certificates);
        const key = `${policy} ${cluster}`;
        const of = JSON.stringify([places, asked]);
        kept.add(key);
        const before = seen.get(key);
        const ageMs = wallMs() - (before?.atMs ?? 0);
        const again = before?.result.served === 'yes' || asked.length === 0 ? AGAIN_MS : WRONG_AGAIN_MS;
        if (before?.of === of && ageMs >= 0 && ageMs < again) continue;
        found.push({ key, of, look: () => lookAt(places, asked) });
      }
    }
    for (const key of [...seen.keys()]) if (!kept.has(key)) seen.delete(key);
    return found;
  }

  async function lookAt(
    places: readonly { readonly host: string; readonly port: number }[],
    asked: readonly { readonly name: string; readonly sha256s: readonly string[] }[],
  ): Promise<Seen> {
    if (asked.length === 0) return { served: 'off', detail: 'no listener of the cluster shows it' };
    if (places.length === 0)
      return {
        served: 'off',
        detail: 'neither its agent nor spec.addresses says where its gateways can be reached',
      };
    let unreached = '';
    let reached = 0;
    for (const { name, sha256s } of asked) {
      const wrong: string[] = [];
      let right = false;
      for (const place of places) {
        const shown = await shownAt(place, name);
        if ('unreachable' in shown) {
          unreached = shown.unreachable;
          continue;
        }
        reached += 1;
        const problem = 'refused' in shown ? shown.refused : problemOf(shown.leaf, name, sha256s, wallMs());
        if (problem === undefined) right = true;
        else wrong.push(`${place.host}:${place.port} for ${name}: ${problem}`);
      }
      // Several ports may be there of which one has the name.
      if (!right && wrong[0] !== undefined) return { served: 'no', detail: wrong[0] };
    }
    return reached === 0
      ? { served: 'off', detail: `it cannot be reached from the hub: ${unreached}` }
      : { served: 'yes' };
  }

  function shownAt(
    { host, port }: { readonly host: string; readonly port: number },
    name: string,
  ): Promise<
    { readonly leaf: X509Certificate } | { readonly refused: string } | { readonly unreachable: string }
  > {
    try {
      guard.check(host);
    } catch (thrown) {
      return Promise.resolve({ unreachable: messageOf(thrown) });
    }
    return new Promise((resolve) => {
      let connected = false;
      const socket = connect({
        host,
        port,
        servername: name,
        lookup: guard.lookup,
        ALPNProtocols: ['h2', 'http/1.1'],
        // Who trusts it is for clients to say: here it counts which one is shown.
        rejectUnauthorized: false,
      });
      const end = (result: Awaited<ReturnType<typeof shownAt>>): void => {
        clearTimeout(timer);
        ending.signal.removeEventListener('abort', aborted);
        socket.destroy();
        resolve(result);
      };
      const fail = (why: string): void => end(connected ? { refused: why } : { unreachable: why });
      const aborted = (): void => end({ unreachable: 'the hub is stopping' });
      const timer = setTimeout(() => fail(`no answer within ${CONNECT_MS / 1000} s`), CONNECT_MS);
      ending.signal.addEventListener('abort', aborted, { once: true });
      socket.on('connect', () => {
        connected = true;
      });
      socket.on('error', (error) => fail(messageOf(error)));
      socket.on('secureConnect', () => {
        const leaf = socket.getPeerX509Certificate();
        end(leaf === undefined ? { refused: 'it shows no certificate' } : { leaf });
      });
    });
  }

  async function work(): Promise<void> {
    const todo = [...due()];
    const before = todo.map(({ key }) => seen.get(key)?.result);
    const results = new Map<string, Seen>();
    const worker = async (): Promise<void> => {
      for (let next = todo.shift(); next !== undefined && !ending.signal.aborted; next = todo.shift()) {
        const result = await next.look();
        results.set(next.key, result);
        seen.set(next.key, { of: next.of, atMs: wallMs(), result });
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    if (JSON.stringify(before) !== JSON.stringify([...results.values()]) && !ending.signal.aborted)
      options.onChange();
  }

  return {
    of: (policy, cluster) => seen.get(`${policy} ${cluster}`)?.result,
    look() {
      looking ??= work().finally(() => {
        looking = undefined;
      });
      return looking;
    },
    async close() {
      ending.abort();
      await looking;
    },
  };
}

/** What the gateways of a cluster have of a policy, from the records. */
export function certificatesAt(
  view: Pick<CertificatesView, 'record'>,
  gateways: Pick<Gateways, 'all'>,
  policy: ObjectKey,
  cluster: ObjectKey,
): readonly ServedCertificate[] {
  const ids = gateways.all.get(cluster)?.secrets.sets?.[`certificatepolicy/${policy}`] ?? [];
  return ids.flatMap((id) => {
    const current = view.record(id)?.current;
    return current === undefined ? [] : [{ names: current.names, sha256: current.sha256 }];
  });
}

/** @returns ends it */
export function keepLooking(check: ServedCheck, onError: (thrown: unknown) => void): () => void {
  const timer = setInterval(() => void check.look().catch(onError), LOOK_EVERY_MS);
  return () => clearInterval(timer);
}

/** Where the gateways say they answer; where that is every address of the machine, those of the Cluster. */
function placesOf(
  part: GatewayPart,
  policy: ObjectKey,
  announced: readonly string[],
  addresses: readonly string[],
): readonly { readonly host: string; readonly port: number }[] {
  const found: { readonly host: string; readonly port: number }[] = [];
  for (const text of announced) {
    const match = /^https:\/\/(?:\[([0-9a-f:.]+)\]|([^:[\]]+)):(\d+)$/i.exec(text);
    const host = match?.[1] ?? match?.[2];
    if (host !== undefined && host !== '0.0.0.0' && host !== '::')
      found.push({ host, port: Number(match?.[3]) });
  }
  if (found.length > 0) return found;
  const ports = part.ports.filter((port) => listenersOf(port, policy).length > 0).map(({ port }) => port);
  return addresses
    .filter((address) => isIP(address) !== 0)
    .flatMap((host) => ports.map((port) => ({ host, port })))
    .slice(0, MAX_NAMES);
}

function listenersOf(port: GatewayPart['ports'][number], policy: ObjectKey) {
  if (port.protocol !== 'https') return [];
  return port.listeners.filter(
    ({ tls }) => tls?.certificates.includes(`certificatepolicy/${policy}`) === true,
  );
}

/** Names that a listener shows the policy's certificates for, and which ones may be seen there. */
function askedOf(
  part: GatewayPart,
  policy: ObjectKey,
  certificates: readonly ServedCertificate[],
): readonly { readonly name: string; readonly sha256s: readonly string[] }[] {
  const listeners = part.ports.flatMap((port) => listenersOf(port, policy));
  const names = [...new Set(certificates.flatMap((certificate) => certificate.names))]
    .map((name) => (name.startsWith('*.') ? `portolan-check.${withoutWildcard(name)}` : name))
    .filter((name) => listeners.some(({ hostname }) => hostCovers(hostname, name)))
    .sort()
    .slice(0, MAX_NAMES);
  return names.map((name) => ({
    name,
    sha256s: certificates
      .filter((certificate) => certificate.names.some((own) => covers(own, name)))
      .map(({ sha256 }) => sha256)
      .sort(),
  }));
}

function problemOf(
  leaf: X509Certificate,
  name: string,
  sha256s: readonly string[],
  nowMs: number,
): string | undefined {
  const sha256 = sha256Hex(leaf.raw);
  if (!sha256s.includes(sha256))
    return `another certificate is shown (serial ${leaf.serialNumber}, of ${leaf.issuer.replaceAll('\n', ', ').slice(0, 100)})`;
  if (leaf.checkHost(name) === undefined) return 'it is not for this name';
  if (leaf.validToDate.getTime() <= nowMs) return `it ended at ${leaf.validToDate.toISOString()}`;
  if (leaf.validFromDate.getTime() > nowMs)
    return `it begins only at ${leaf.validFromDate.toISOString()}, by the clock of the hub`;
  for (
    let at: X509Certificate | undefined = leaf;
    at?.issuerCertificate !== undefined;
    at = at.issuerCertificate
  ) {
    if (at.issuerCertificate === at || at.issuerCertificate.fingerprint256 === at.fingerprint256) break;
    if (!at.verify(at.issuerCertificate.publicKey)) return 'its chain does not hold together';
    if (at.issuerCertificate.validToDate.getTime() <= nowMs) return 'a certificate of its chain has ended';
  }
  return undefined;
}
