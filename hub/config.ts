import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, isAbsolute, resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { type NameServerSettings, nameServerSettings, withAbsoluteFiles } from '../nameserver/settings.ts';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { DEFAULT_QUORUM, type QuorumConfig } from '../src/health/types.ts';
import { cidr, countryCode, domainName, regionName } from '../src/resources/fields.ts';
import { objectName } from '../src/resources/metadata.ts';
import { violationsOf } from '../src/resources/violations.ts';
import { parseText } from '../src/resources/yaml.ts';
import { type ElectionSettings, electionProblems, electionSchema } from './election/config.ts';
import { DEFAULT_OWN_CREDENTIALS } from './providers/own-credentials.ts';

/** Where something listens. */
export interface ListenAddress {
  /** IPv4, IPv6 (without brackets) or a host name. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

const listenPort = z.number().int().min(0).max(65_535);

/** `127.0.0.1:8053`, `[::1]:8053`, `localhost:8053`. */
const listenAddress = z
  .string()
  .max(262)
  .transform((text, context): ListenAddress => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
    const number = Number(match?.[3]);
    if (match === null || number > 65_535) {
      context.addIssue({
        code: 'custom',
        message: `${JSON.stringify(text)} is not host:port`,
        params: { fix: 'Write host:port, such as 127.0.0.1:8053 or [::1]:8053.' },
      });
      return z.NEVER;
    }
    return { host: match[1] ?? match[2] ?? '', port: number };
  });

const file = z.string().min(1).max(4096);
const hostName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[A-Za-z0-9.:_-]+$/, 'a host name or an IP address');
const milliseconds = z.number().int().min(0).max(86_400_000);

/** `namespace/name` of an object in Kubernetes. */
const secretName = z
  .string()
  .max(317)
  .regex(
    /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
    'must be namespace/name, such as shop/dns-token',
  );

/** What the file may say. */
export const configSchema = z.strictObject({
  api: z
    .strictObject({
      host: hostName.default('127.0.0.1'),
      port: listenPort.default(7460),
      allowedHosts: z
        .array(hostName)
        .max(50)
        .default([])
        .describe(
          'Host header values accepted besides the address itself (and localhost on a loopback address).',
        ),
      tls: z.strictObject({ certFile: file, keyFile: file }).optional(),
    })
    .prefault({}),
  agents: z
    .strictObject({
      joinListen: listenAddress
        .prefault('127.0.0.1:7461')
        .describe('TLS listener for `portolan cluster join`.'),
      linkListen: listenAddress.prefault('127.0.0.1:7462').describe('mTLS gRPC listener for agents.'),
      advertise: z
        .array(hostName)
        .max(8)
        .default([])
        .describe(
          'Names or addresses under which agents reach both; needed when they listen on every interface.',
        ),
    })
    .prefault({}),
  dns: nameServerSettings
    .extend({ listen: z.array(listenAddress).max(16).prefault(['127.0.0.1:8053']) })
    .prefault({}),
  admin: z
    .strictObject({ listen: listenAddress })
    .optional()
    .describe(
      'Plain HTTP without tokens for /healthz, /readyz and /metrics, for supervisors; none when left out.',
    ),
  dnssec: z
    .strictObject({
      parentServers: z
        .record(domainName, z.array(listenAddress).min(1).max(32))
        .default({})
        .describe(
          'By zone: the servers of its parent, where the hub looks for the DS. Found by the resolver of the system when left out.',
        ),
    })
    .prefault({}),
  certificates: z
    .strictObject({
      resolvers: z
        .array(
          listenAddress.refine(
            ({ host }) => isIP(host) !== 0,
            'must be an address with a port, such as 192.0.2.1:53',
          ),
        )
        .max(8)
        .default([])
        .describe(
          'Resolvers that are asked where `_acme-challenge` of a name leads by CNAME, outside of our own zones: `address:port`. Those of the system when left out.',
        ),
      parallelOrders: z
        .number()
        .int()
        .min(1)
        .max(100)
        .default(8)
        .describe('Orders under way at one Issuer at a time; the others wait their turn.'),
    })
    .prefault({}),
  store: z
    .union([
      z.strictObject({ sqlite: z.strictObject({ file: file.optional() }) }),
      z.strictObject({
        postgres: z.strictObject({ url: z.string().min(1).max(4096) }),
      }),
    ])
    .prefault({ sqlite: {} }),
  election: electionSchema.prefault({}),
  dataDir: file
    .default('portolan-data')
    .describe('Where the hub keeps its state. Relative paths start at the configuration file.'),
  secrets: z
    .strictObject({
      keyFile: file
        .optional()
        .describe(
          'The key that encrypts secrets at rest; beside the data directory when left out (`<dataDir>.key`).',
        ),
    })
    .prefault({}),
  geo: z
    .strictObject({
      database: file.optional().describe('An .mmdb file; the packaged DB-IP country database when left out.'),
      regions: z
        .record(regionName, z.array(countryCode).min(1).max(250))
        .default({})
        .describe('More named regions, as lists of countries.'),
      trustedKeys: z
        .array(file)
        .max(10)
        .default([])
        .describe(
          'PEM files of Ed25519 public keys; with any, a GeoIP update is taken only with a signature of one of them.',
        ),
    })
    .prefault({}),
  network: z
    .strictObject({
      allowedRanges: z
        .array(cidr)
        .max(100)
        .default([])
        .describe(
          'Ranges that may be probed and answered although they are loopback, link-local, cloud metadata or multicast. Private ranges (10.0.0.0/8 …) need no permission.',
        ),
    })
    .prefault({}),
  providers: z
    .strictObject({
      ownCredentials: z
        .array(z.union([z.literal('*'), objectName]))
        .max(1000)
        .default([...DEFAULT_OWN_CREDENTIALS])
        .describe(
          "Namespaces whose DNSProviders may do without a Secret, and then use the hub's own identity at AWS, Google or Azure; `*` stands for all.",
        ),
    })
    .prefault({}),
  health: z
    .strictObject({
      failureDomain: objectName.default('hub').describe("The hub's own failure domain as a vantage point."),
      staleAfterMs: milliseconds
        .min(1000)
        .default(DEFAULT_QUORUM.staleAfterMs)
        .describe('Votes older than this abstain.'),
      minFailureDomains: z
        .number()
        .int()
        .min(2)
        .max(50)
        .default(DEFAULT_QUORUM.minFailureDomains)
        .describe('Failure domains that must agree on DOWN.'),
      holdMs: milliseconds
        .default(DEFAULT_QUORUM.holdMs)
        .describe('First hold before a target that was down is admitted again; doubles per flap.'),
      maxHoldMs: milliseconds.default(DEFAULT_QUORUM.maxHoldMs).describe('Longest hold.'),
      flapWindowMs: milliseconds
        .default(DEFAULT_QUORUM.flapWindowMs)
        .describe('A target that stayed up this long forgets its flaps.'),
    })
    .prefault({}),
  sources: z
    .strictObject({
      gitFolder: z
        .strictObject({
          path: file.describe(
            'A folder of YAML and JSON files, such as a Git checkout or the link that git-sync swaps: what stands there is what the hub has.',
          ),
          intervalMs: milliseconds
            .min(1000)
            .default(30_000)
            .describe('How often it is looked at when the system tells of no change.'),
          statusFile: file
            .optional()
            .describe('A JSON file, outside of the folder, that says after every pass what became of it.'),
          prune: z.boolean().default(true).describe('Objects that stand in the folder no more are removed.'),
          removeHostnames: z
            .boolean()
            .default(false)
            .describe(
              'TrafficPolicies and Zones whose document is gone are removed without asking; else their removal is held.',
            ),
        })
        .optional(),
      kubernetes: z
        .strictObject({
          enabled: z.boolean().default(true).describe('False: as if this section were not there.'),
          kubeconfig: file
            .optional()
            .describe(
              'A kubeconfig file. When left out: KUBECONFIG, the cluster of the pod, or ~/.kube/config.',
            ),
          context: z
            .string()
            .min(1)
            .max(253)
            .optional()
            .describe('Of that file; its current one when left out.'),
          namespaces: z
            .array(objectName)
            .min(1)
            .max(1000)
            .optional()
            .describe('Kubernetes namespaces whose custom resources the hub follows; all when left out.'),
          secrets: z
            .strictObject({
              selector: z
                .string()
                .min(1)
                .max(1000)
                .default('portolan.dev/sync=true')
                .describe('Labels of the Secrets that the hub reads, as kubectl writes them.'),
              namespaces: z
                .array(objectName)
                .min(1)
                .max(1000)
                .optional()
                .describe(
                  "Where it looks for them; in `namespaces` when left out, or else in the hub's own namespace.",
                ),
              names: z
                .array(secretName)
                .min(1)
                .max(100)
                .optional()
                .describe(
                  'Just these Secrets, as `namespace/name`, whatever their labels: the hub needs the right to no other.',
                ),
            })
            .refine(({ names, namespaces }) => names === undefined || namespaces === undefined, {
              path: ['namespaces'],
              message: 'is not said beside `names`, which has them',
            })
            .prefault({}),
        })
        .optional()
        .describe(
          'Custom resources of Kubernetes (portolan.dev/v1alpha1) are objects of the hub, and statuses go back to them.',
        ),
    })
    .prefault({}),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

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
  readonly sources: {
    readonly gitFolder?: {
      readonly path: string;
      readonly intervalMs: number;
      readonly statusFile?: string;
      readonly prune: boolean;
      readonly removeHostnames: boolean;
    };
    readonly kubernetes?: {
      readonly kubeconfig?: string;
      readonly context?: string;
      /** Absent: all. */
      readonly namespaces?: readonly string[];
      readonly secrets: {
        readonly selector: string;
        readonly namespaces?: readonly string[];
        /** `namespace/name`: no others are asked for. */
        readonly names?: readonly string[];
      };
    };
  };
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** Which environment variable overrides which field. Lists are separated by commas. */
export const ENVIRONMENT_OVERRIDES = {
  PORTOLAN_API_HOST: { path: ['api', 'host'], type: 'text' },
  PORTOLAN_API_PORT: { path: ['api', 'port'], type: 'number' },
  PORTOLAN_API_ALLOWED_HOSTS: { path: ['api', 'allowedHosts'], type: 'list' },
  PORTOLAN_JOIN_LISTEN: { path: ['agents', 'joinListen'], type: 'text' },
  PORTOLAN_LINK_LISTEN: { path: ['agents', 'linkListen'], type: 'text' },
  PORTOLAN_ADVERTISE: { path: ['agents', 'advertise'], type: 'list' },
  PORTOLAN_DNS_LISTEN: { path: ['dns', 'listen'], type: 'list' },
  PORTOLAN_ADMIN_LISTEN: { path: ['admin', 'listen'], type: 'text' },
  PORTOLAN_POSTGRES_URL: { path: ['store', 'postgres', 'url'], type: 'text' },
  PORTOLAN_ELECTION_MODE: { path: ['election', 'mode'], type: 'text' },
  PORTOLAN_ELECTION_IDENTITY: { path: ['election', 'identity'], type: 'text' },
  PORTOLAN_ELECTION_API: { path: ['election', 'advertise', 'api'], type: 'text' },
  PORTOLAN_ELECTION_JOIN: { path: ['election', 'advertise', 'join'], type: 'text' },
  PORTOLAN_ELECTION_LINK: { path: ['election', 'advertise', 'link'], type: 'text' },
  PORTOLAN_ELECTION_LEASE_NAMESPACE: { path: ['election', 'lease', 'namespace'], type: 'text' },
  PORTOLAN_DATA_DIR: { path: ['dataDir'], type: 'text' },
  PORTOLAN_KEY_FILE: { path: ['secrets', 'keyFile'], type: 'text' },
  PORTOLAN_GEO_DATABASE: { path: ['geo', 'database'], type: 'text' },
  PORTOLAN_ALLOWED_RANGES: { path: ['network', 'allowedRanges'], type: 'list' },
  PORTOLAN_OWN_CREDENTIALS: { path: ['providers', 'ownCredentials'], type: 'list' },
  PORTOLAN_GIT_FOLDER: { path: ['sources', 'gitFolder', 'path'], type: 'text' },
  PORTOLAN_GIT_FOLDER_STATUS: { path: ['sources', 'gitFolder', 'statusFile'], type: 'text' },
  PORTOLAN_SOURCE_KUBERNETES: { path: ['sources', 'kubernetes', 'enabled'], type: 'flag' },
  PORTOLAN_SOURCE_KUBERNETES_NAMESPACES: { path: ['sources', 'kubernetes', 'namespaces'], type: 'list' },
  PORTOLAN_LOG_LEVEL: { path: ['logLevel'], type: 'text' },
} as const satisfies Record<
  string,
  { readonly path: readonly string[]; readonly type: 'text' | 'number' | 'list' | 'flag' }
>;

export interface ConfigSource {
  /** YAML text; empty means every default. */
  readonly text: string;
  /** For messages, such as the file's path. */
  readonly name: string;
  /** Relative paths in the text start here. */
  readonly baseDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
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
    sources: withAbsolutePaths(sources, absolute, (violation) => invalid(source, [violation])),
    logLevel,
  };
}

/** @param fail makes the error of a violation */
function withAbsolutePaths(
  { gitFolder, kubernetes }: z.output<typeof configSchema>['sources'],
  absolute: (path: string) => string,
  fail: (violation: PortolanError['violations'][number]) => PortolanError,
): HubConfig['sources'] {
  return {
    ...(gitFolder === undefined ? {} : { gitFolder: gitFolderAt(gitFolder, absolute, fail) }),
    ...(kubernetes?.enabled === true ? { kubernetes: kubernetesAt(kubernetes, absolute) } : {}),
  };
}

function kubernetesAt(
  {
    kubeconfig,
    context,
    namespaces,
    secrets,
  }: NonNullable<z.output<typeof configSchema>['sources']['kubernetes']>,
  absolute: (path: string) => string,
): NonNullable<HubConfig['sources']['kubernetes']> {
  return {
    ...(kubeconfig === undefined ? {} : { kubeconfig: absolute(kubeconfig) }),
    ...(context === undefined ? {} : { context }),
    ...(namespaces === undefined ? {} : { namespaces }),
    secrets: {
      selector: secrets.selector,
      ...(secrets.namespaces === undefined ? {} : { namespaces: secrets.namespaces }),
      ...(secrets.names === undefined ? {} : { names: secrets.names }),
    },
  };
}

function gitFolderAt(
  gitFolder: NonNullable<z.output<typeof configSchema>['sources']['gitFolder']>,
  absolute: (path: string) => string,
  fail: (violation: PortolanError['violations'][number]) => PortolanError,
): NonNullable<HubConfig['sources']['gitFolder']> {
  const { statusFile, ...rest } = gitFolder;
  const path = absolute(gitFolder.path);
  if (statusFile === undefined) return { ...rest, path };
  if (absolute(statusFile).startsWith(`${path}/`)) {
    throw fail({
      path: 'sources.gitFolder.statusFile',
      code: 'CONFIG_INVALID',
      message: `lies in ${path}, where it would be read as an object`,
      fix: 'Give a file outside of the folder.',
    });
  }
  return { ...rest, path, statusFile: absolute(statusFile) };
}

/** `localhost` and every address of 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback';
}

function isEveryInterface(host: string): boolean {
  return ipaddr.isValid(host) && ipaddr.process(host).range() === 'unspecified';
}

function readMapping(source: ConfigSource): Record<string, unknown> {
  let documents: ReturnType<typeof parseText>;
  try {
    documents = parseText(source.text);
  } catch (thrown) {
    throw new PortolanError('CONFIG_INVALID', `${source.name}: ${messageOf(thrown)}`, { cause: thrown });
  }
  if (documents.length > 1)
    throw new PortolanError(
      'CONFIG_INVALID',
      `${source.name} holds ${documents.length} documents; one is wanted`,
    );
  const value = documents[0]?.value ?? {};
  if (!isMapping(value)) throw new PortolanError('CONFIG_INVALID', `${source.name} is not a mapping`);
  return structuredClone(value);
}

function withEnvironment(config: Record<string, unknown>, env: ConfigSource['env']): Record<string, unknown> {
  for (const [name, { path, type }] of Object.entries(ENVIRONMENT_OVERRIDES)) {
    const text = env[name];
    if (text === undefined || text === '') continue;
    const value =
      type === 'list'
        ? text.split(',').map((part) => part.trim())
        : type === 'number' && /^\d+$/.test(text)
          ? Number(text)
          : type === 'flag' && (text === 'true' || text === 'false')
            ? text === 'true'
            : text;
    let at = config;
    // One store only: a database URL in the environment replaces what the file says of the store.
    if (path[0] === 'store') at.store = {};
    for (const step of path.slice(0, -1)) {
      const next = at[step];
      const inner: Record<string, unknown> = isMapping(next) ? next : {};
      at[step] = inner;
      at = inner;
    }
    at[path.at(-1) ?? ''] = value;
  }
  return config;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(source: ConfigSource, found: PortolanError['violations']): PortolanError {
  const violations = found.map((v) => ({ ...v, code: 'CONFIG_INVALID' as const }));
  const first = violations[0];
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : '';
  return new PortolanError(
    'CONFIG_INVALID',
    `${source.name}: ${first === undefined ? 'it does not fit its schema' : `${first.path} ${first.message}`}${more}`,
    {
      violations,
      ...(first === undefined ? {} : { fix: first.fix }),
    },
  );
}
