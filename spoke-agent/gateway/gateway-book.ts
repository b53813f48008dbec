import type { RoutedServices } from '../../src/kubernetes/readiness.ts';
import { type GatewaySecrets, NO_GATEWAY_SECRETS, type VirtualHost } from '../../src/policy/model.ts';
import { type PiecedGateway, piecesOf, readPiece } from '../../src/policy/piece-bytes.ts';
import { entriesOf, type GatewayFrame, type GatewayPiece, pieceCount } from '../../src/policy/pieces.ts';
import { clusterNames } from '../kubernetes/secret-file.ts';
import { type GatewayFile, needsCountries } from './configuration.ts';

/** A configuration as the process's own thread knows it: bytes for the threads, and what it has to know itself. */
export interface OpenedGateway extends PiecedGateway {
  /** Equal configurations are served once. */
  readonly digest: string;
  readonly secrets: GatewaySecrets;
  /** Kubernetes Services that backends name; the same set as before when they are the same. */
  readonly services: ReadonlySet<string>;
  /** Secrets of the cluster that it names. */
  readonly clusterNames: readonly string[];
  /** Some request has to be asked where its client is. */
  readonly needsCountries: boolean;
  /** Which Services hosts are routed to; read of the pieces when it is first asked for. */
  routed(): RoutedServices;
}

/** Of a piece; lists that are empty are the same one. */
interface PieceSummary {
  readonly services: readonly string[];
  readonly clusterNames: readonly string[];
  readonly needsCountries: boolean;
  routed: RoutedPiece | undefined;
}

/** By id of the listener. */
interface RoutedPiece extends Pick<RoutedServices, 'rules' | 'backends'> {
  readonly hosts: Readonly<Record<string, RoutedServices['ports'][number]['listeners'][number]['hosts']>>;
}

const NOTHING: readonly string[] = [];

/**
 * Configurations one after the other, of which only summaries are kept: by digest of their pieces, so that a change costs what it changes. The entries
 * are parsed where they are needed, in the threads of the gateway.
 */
export class GatewayBook {
  #pieces: ReadonlyMap<string, PieceSummary> = new Map();
  #last: OpenedGateway | undefined;
  #whole: { readonly digest: string; readonly pieced: PiecedGateway } | undefined;
  #secretsDigest = '';

  /** @throws PortolanError SNAPSHOT_INVALID, SyntaxError */
  open(file: GatewayFile): OpenedGateway {
    const pieced = this.#piecedOf(file);
    const last = this.#last;
    const secrets =
      last !== undefined && this.#secretsDigest === file.secretsDigest ? last.secrets : file.secrets();
    const summaries = this.#summariesOf(pieced);
    const services = new Set<string>();
    const names = new Set(clusterNames(pieced.frame.ports, {}));
    let needed = false;
    for (const summary of summaries.values()) {
      for (const service of summary.services) services.add(service);
      for (const name of summary.clusterNames) names.add(name);
      needed ||= summary.needsCountries;
    }
    const opened: OpenedGateway = {
      ...pieced,
      digest: file.digest + file.secretsDigest,
      secrets,
      services: last !== undefined && isSameSet(services, last.services) ? last.services : services,
      clusterNames: [...names],
      needsCountries: needed,
      routed: () => routedServices(pieced, summaries),
    };
    this.#pieces = summaries;
    this.#secretsDigest = file.secretsDigest;
    // Without its bytes: they are views into a file that is not kept.
    this.#last = { ...opened, pieces: new Map(), routed: () => ({ ports: [], rules: {}, backends: {} }) };
    return opened;
  }

  /** A configuration of an older hub is split here, so that what follows knows one form. */
  #piecedOf(file: GatewayFile): PiecedGateway {
    if (file.form === 'pieces') {
      this.#whole = undefined;
      return file;
    }
    if (this.#whole?.digest !== file.digest) {
      const part = file.part();
      const count = pieceCount(entriesOf(part), this.#whole?.pieced.frame.pieces.length ?? 0);
      this.#whole = { digest: file.digest, pieced: piecesOf(part, count) };
    }
    return this.#whole.pieced;
  }

  #summariesOf({ frame, pieces }: PiecedGateway): ReadonlyMap<string, PieceSummary> {
    const summaries = new Map<string, PieceSummary>();
    for (const { sha256 } of frame.pieces)
      summaries.set(sha256, this.#pieces.get(sha256) ?? summaryOf(bytesOf(pieces, sha256)));
    return summaries;
  }
}

/** No gateway: what is served when a configuration has gone. */
export const NOTHING_OPENED: OpenedGateway = {
  digest: '',
  frame: { ports: [], pieces: [] },
  pieces: new Map(),
  secrets: NO_GATEWAY_SECRETS,
  services: new Set(),
  clusterNames: NOTHING,
  needsCountries: false,
  routed: () => ({ ports: [], rules: {}, backends: {} }),
};

function bytesOf(pieces: PiecedGateway['pieces'], sha256: string): Uint8Array {
  const bytes = pieces.get(sha256);
  if (bytes === undefined) throw new Error(`piece ${sha256} is not there`);
  return bytes;
}

function summaryOf(bytes: Uint8Array): PieceSummary {
  const { rules, backends, auth, edge, quotas } = readPiece(bytes);
  const services = new Set<string>();
  for (const { service } of Object.values(backends)) if (service !== undefined) services.add(service);
  const names = clusterNames([], backends);
  const quota = { version: 0, budgets: [], domains: {}, policies: quotas };
  return {
    services: services.size === 0 ? NOTHING : [...services],
    clusterNames: names.length === 0 ? NOTHING : names,
    needsCountries: needsCountries({ ports: [], rules, backends: {}, auth, edge, quota }),
    routed: undefined,
  };
}

function routedServices(
  { frame, pieces }: PiecedGateway,
  summaries: ReadonlyMap<string, PieceSummary>,
): RoutedServices {
  const rules: Record<string, RoutedServices['rules'][string]> = {};
  const backends: Record<string, RoutedServices['backends'][string]> = {};
  const hosts = new Map<string, RoutedPiece['hosts'][string][number][]>();
  for (const [sha256, summary] of summaries) {
    summary.routed ??= routedPiece(readPiece(bytesOf(pieces, sha256)));
    Object.assign(rules, summary.routed.rules);
    Object.assign(backends, summary.routed.backends);
    for (const [listener, own] of Object.entries(summary.routed.hosts)) {
      const known = hosts.get(listener);
      if (known === undefined) hosts.set(listener, [...own]);
      else known.push(...own);
    }
  }
  const ports = frame.ports.map(({ listeners }: GatewayFrame['ports'][number]) => ({
    listeners: listeners.map(({ id, hostname }) => ({
      ...(hostname === undefined ? {} : { hostname }),
      hosts: hosts.get(id) ?? [],
    })),
  }));
  return { ports, rules, backends };
}

type Weighted = NonNullable<VirtualHost['passthrough']>;

function routedPiece({ rules, backends, hosts }: GatewayPiece): RoutedPiece {
  const weights = (targets: Weighted) =>
    targets.map(({ backend, weight }) => ({ ...(backend === undefined ? {} : { backend }), weight }));
  return {
    rules: mapped(rules, (rule) => ({
      backends: weights(rule.backends),
      callers: rule.callers.map((caller) => ({ backends: weights(caller.backends) })),
    })),
    backends: mapped(backends, ({ service }) => (service === undefined ? {} : { service })),
    hosts: mapped(hosts, (own) =>
      own.map(({ hostname, matches, passthrough }) => ({
        ...(hostname === undefined ? {} : { hostname }),
        matches: matches.map(({ rule }) => ({ rule })),
        ...(passthrough === undefined ? {} : { passthrough: weights(passthrough) }),
      })),
    ),
  };
}

function mapped<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function isSameSet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  if (one.size !== other.size) return false;
  for (const item of one) if (!other.has(item)) return false;
  return true;
}
