import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import { type NameServerSettings, withAbsoluteFiles } from '../nameserver/settings.ts';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import type { QuorumConfig } from '../src/health/types.ts';
import { violationsOf } from '../src/resources/violations.ts';
import { type ConfigSource, invalid, readMapping } from './config/config-text.ts';
import { withEnvironment } from './config/environment.ts';
import { isEveryInterface, isLoopback, type ListenAddress } from './config/listen-address.ts';
import { configSchema } from './config/schema.ts';
import { type SourceSettings, sourcesAt } from './config/sources.ts';
import { type ElectionSettings, electionProblems } from './election/config.ts';

/** The hub's configuration with every default applied and every path absolute. */
export interface HubConfig {
  readonly api: {
    readonly host: string;
    readonly port: number;
    readonly allowedHosts: readonly string[];
    readonly tls?: { readonly certFile: string; readonly keyFile: string };
  };
  readonly agents: {
    readonly joinListen: ListenAddress;
    readonly linkListen: ListenAddress;
    /** Never empty. */
    readonly advertise: readonly string[];
  };
  readonly dns: { readonly listen: readonly ListenAddress[] } & NameServerSettings;
  /** Plain HTTP for supervisors; absent: none. */
  readonly admin?: { readonly listen: ListenAddress };
  /** By zone origin, the servers of its parent. */
  readonly dnssec: { readonly parentServers: Readonly<Record<string, readonly ListenAddress[]>> };
  readonly certificates: { readonly resolvers: readonly ListenAddress[]; readonly parallelOrders: number };
  readonly store:
    | { readonly kind: 'sqlite'; readonly file: string }
    | { readonly kind: 'postgres'; readonly url: string };
  /** Several hubs on one store. */
  readonly election: ElectionSettings;
  readonly dataDir: string;
  readonly secrets: { readonly keyFile: string };
  readonly geo: {
    readonly database?: string;
    readonly regions: Readonly<Record<string, readonly string[]>>;
    /** Absolute paths of PEM files. */
    readonly trustedKeys: readonly string[];
  };
  readonly network: { readonly allowedRanges: readonly string[] };
  /** Namespaces whose DNSProviders may use the hub's own credentials; `*` stands for all. */
  readonly providers: { readonly ownCredentials: readonly string[] };
  readonly health: { readonly failureDomain: string; readonly quorum: QuorumConfig };
  /** What sets objects besides the API; paths are absolute. */
  readonly sources: SourceSettings;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/**
 * Reads the configuration file, if one is named, and the environment.
 * @throws PortolanError CONFIG_INVALID with one violation per wrong field
 */
export function loadConfig(path: string | undefined, env: ConfigSource['env'], workDir: string): HubConfig {
  if (path === undefined) return parseConfig({ text: '', name: 'the environment', baseDir: workDir, env });
  const absolute = resolve(workDir, path);
  let text: string;
  try {
    text = readFileSync(absolute, 'utf8');
  } catch (thrown) {
    throw new PortolanError('CONFIG_INVALID', `cannot read ${absolute}: ${messageOf(thrown)}`, {
      cause: thrown,
      fix: 'Run `portolan init`, which writes one, or correct --config.',
    });
  }
  return parseConfig({ text, name: absolute, baseDir: dirname(absolute), env });
}

/** As `loadConfig`, over text. Environment variables win over the file. */
export function parseConfig(source: ConfigSource): HubConfig {
  const input = withEnvironment(readMapping(source), source.env);
  const result = configSchema.safeParse(input);
  if (!result.success) throw invalid(source, violationsOf(result.error.issues, configSchema, input));
  const {
    api,
    agents,
    dns,
    admin,
    dnssec,
    certificates,
    store,
    election,
    dataDir,
    secrets,
    geo,
    network,
    providers,
    health,
    sources,
    logLevel,
  } = result.data;
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(source.baseDir, path));
  const home = absolute(dataDir);
  if (!isLoopback(api.host) && api.tls === undefined) {
    throw invalid(source, [
      {
        path: 'api.tls',
        code: 'CONFIG_INVALID',
        message: `is required because the API listens on ${api.host}, which other machines can reach`,
        fix: 'Give api.tls.certFile and api.tls.keyFile, or let the API listen on 127.0.0.1.',
      },
    ]);
  }
  const advertise =
    agents.advertise.length > 0
      ? agents.advertise
      : [agents.joinListen.host, agents.linkListen.host].filter((h, i, all) => all.indexOf(h) === i);
  if (advertise.some(isEveryInterface)) {
    throw invalid(source, [
      {
        path: 'agents.advertise',
        code: 'CONFIG_INVALID',
        message:
          'is required because the agent listeners are on every interface, so agents cannot be told an address',
        fix: 'List the names or addresses under which agents reach this hub.',
      },
    ]);
  }
  const misfits = electionProblems(election, {
    store: 'postgres' in store ? 'postgres' : 'sqlite',
    everywhere: {
      api: isEveryInterface(api.host),
      join: isEveryInterface(agents.joinListen.host),
      link: isEveryInterface(agents.linkListen.host),
    },
  });
  if (misfits.length > 0) throw invalid(source, misfits);
  const { failureDomain, ...quorum } = health;
  return {
    api: {
      host: api.host,
      port: api.port,
      allowedHosts: api.allowedHosts,
      ...(api.tls === undefined
        ? {}
        : { tls: { certFile: absolute(api.tls.certFile), keyFile: absolute(api.tls.keyFile) } }),
    },
    agents: { joinListen: agents.joinListen, linkListen: agents.linkListen, advertise },
    dns: withAbsoluteFiles(dns, absolute),
    ...(admin === undefined ? {} : { admin }),
    dnssec,
    certificates,
    store:
      'postgres' in store
        ? { kind: 'postgres', url: store.postgres.url }
        : {
            kind: 'sqlite',
            file:
              store.sqlite.file === undefined ? resolve(home, 'portolan.db') : absolute(store.sqlite.file),
          },
    election: {
      ...election,
      ...(election.caFile === undefined ? {} : { caFile: absolute(election.caFile) }),
    },
    dataDir: home,
    // Beside the data directory, not in it: a copy of the directory alone must not open its secrets.
    secrets: { keyFile: secrets.keyFile === undefined ? `${home}.key` : absolute(secrets.keyFile) },
    geo: {
      regions: geo.regions,
      trustedKeys: geo.trustedKeys.map(absolute),
      ...(geo.database === undefined ? {} : { database: absolute(geo.database) }),
    },
    network,
    providers,
    health: { failureDomain, quorum },
    sources: sourcesAt(sources, absolute, (violation) => invalid(source, [violation])),
    logLevel,
  };
}
