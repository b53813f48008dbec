import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { gatewaySettings } from '../gateway/settings.ts';
import { nameServerSettings, withAbsoluteFiles } from '../nameserver/settings.ts';
import { type FieldViolation, messageOf, PortolanError } from '../src/errors/error.ts';
import { isHostPort } from '../src/protocol/host-port.ts';
import { cidr } from '../src/resources/fields.ts';
import { violationsOf } from '../src/resources/violations.ts';
import { certificateSettings, withAbsoluteExports } from './certificates/settings.ts';
import { kubernetesSettings } from './kubernetes/settings.ts';
import type { ListenAddress } from './listen-address.ts';

export type { ListenAddress };

const listen = z.string().transform((text, context): ListenAddress => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const number = Number(match?.[3]);
  if (match === null || number > 65_535) {
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(text)} is no address with a port`,
      params: { fix: 'Write host:port, such as 127.0.0.1:53 or [::1]:53.' },
    });
    return z.NEVER;
  }
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port: number };
});

/** As the hub and the other agents take it: they refuse what cannot be dialled. */
const hostPort = z
  .string()
  .superRefine((text, context) => {
    if (isHostPort(text)) return;
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(text)} cannot be dialled`,
      params: {
        fix: 'Write host:port with a port from 1 to 65535, such as 192.0.2.1:53 or agent.example:7463.',
      },
    });
  })
  // What a schema can say of it: a port is there.
  .meta({ pattern: '^.+:[1-9][0-9]{0,4}$' });

const filePath = z.string().min(1).max(4096);

/** What the file may say. */
export const agentConfigSchema = z.strictObject({
  dataDir: filePath.describe('Identity, snapshots and the last states; made by `portolan cluster join`.'),
  joinTokenFile: filePath
    .optional()
    .describe(
      'A join token that is used once, at a start without an identity in the data folder; afterwards the file is not looked at.',
    ),
  witness: z
    .boolean()
    .default(false)
    .describe('Only votes: no name server, no gateway. The third vantage point of two sites.'),
  dns: nameServerSettings
    .extend({
      enabled: z.boolean().default(true),
      listen: z
        .array(listen)
        .min(1)
        .max(32)
        .prefault(['127.0.0.1:5353'])
        .describe('Where its name server answers, UDP and TCP.'),
      advertise: z
        .array(hostPort)
        .max(32)
        .optional()
        .describe(
          'How others reach the name server, `host:port`; the addresses it listens on when left out.',
        ),
    })
    .prefault({}),
  gateway: gatewaySettings.prefault({}),
  certificates: certificateSettings.prefault({}),
  kubernetes: kubernetesSettings.prefault({}),
  peer: z
    .strictObject({
      listen: listen
        .prefault('127.0.0.1:0')
        .describe('Where other agents connect, mutual TLS; port 0 lets the system choose.'),
      advertise: hostPort
        .optional()
        .describe('How other agents reach it, `host:port`; where it listens when left out.'),
    })
    .prefault({}),
  admin: z
    .strictObject({ listen })
    .optional()
    .describe('Plain HTTP for /healthz, /readyz and /metrics; none when left out.'),
  network: z
    .strictObject({
      allowedRanges: z
        .array(cidr)
        .max(100)
        .default([])
        .describe(
          'Ranges that probes and the gateway (backends, key sets, introspection …) may contact although they are loopback, link-local, cloud metadata or multicast. Private ranges (10.0.0.0/8 …) need no permission.',
        ),
    })
    .prefault({}),
  geo: z
    .strictObject({
      database: filePath
        .optional()
        .describe('An .mmdb file; the packaged DB-IP country database when left out.'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
    })
    .prefault({}),
});
export type AgentConfig = z.output<typeof agentConfigSchema>;

/** Which flag sets which field. `--no-dns` sets `dns.enabled` to false, `--no-gateway` likewise. */
export const FLAG_FIELDS = {
  'data-dir': ['dataDir'],
  witness: ['witness'],
  dns: ['dns', 'listen'],
  'no-dns': ['dns', 'enabled'],
  'dns-advertise': ['dns', 'advertise'],
  'gateway-host': ['gateway', 'host'],
  'gateway-port': ['gateway', 'ports'],
  'no-gateway': ['gateway', 'enabled'],
  kubernetes: ['kubernetes', 'enabled'],
  'peer-listen': ['peer', 'listen'],
  'peer-advertise': ['peer', 'advertise'],
  admin: ['admin', 'listen'],
  'allow-range': ['network', 'allowedRanges'],
  'geo-database': ['geo', 'database'],
  'log-level': ['log', 'level'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const OPTIONS = {
  config: { type: 'string' },
  'data-dir': { type: 'string' },
  dns: { type: 'string', multiple: true },
  'no-dns': { type: 'boolean' },
  'dns-advertise': { type: 'string', multiple: true },
  'gateway-host': { type: 'string' },
  'gateway-port': { type: 'string', multiple: true },
  'no-gateway': { type: 'boolean' },
  kubernetes: { type: 'boolean' },
  'peer-listen': { type: 'string' },
  'peer-advertise': { type: 'string' },
  admin: { type: 'string' },
  'allow-range': { type: 'string', multiple: true },
  'geo-database': { type: 'string' },
  'log-level': { type: 'string' },
  witness: { type: 'boolean' },
} as const;

type Tree = Record<string, unknown>;

/**
 * Configuration of an agent: a YAML file (`--config` or PORTOLAN_AGENT_CONFIG), over it PORTOLAN_DATA_DIR, over it flags.
 * Relative paths of the file and the flags are relative to the working folder.
 * @throws PortolanError CONFIG_INVALID, YAML_INVALID, USAGE
 */
export function loadConfig(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): AgentConfig {
  const flags = parseFlags(argv);
  const file = flags.config ?? env.PORTOLAN_AGENT_CONFIG;
  const tree = file === undefined ? {} : readFile(file);
  const set = (path: readonly string[], value: unknown): void => {
    if (value === undefined) return;
    const [last = '', ...parents] = [...path].reverse();
    let at = tree;
    for (const key of parents.reverse()) {
      const next = at[key];
      at = at[key] = isTree(next) ? { ...next } : {};
    }
    at[last] = value;
  };
  set(FLAG_FIELDS['data-dir'], env.PORTOLAN_DATA_DIR);
  const given: Readonly<Record<string, unknown>> = {
    ...flags,
    'no-dns': flags['no-dns'] ? false : undefined,
    'no-gateway': flags['no-gateway'] ? false : undefined,
    'gateway-port': flags['gateway-port'] === undefined ? undefined : portMap(flags['gateway-port']),
  };
  for (const [flag, path] of Object.entries(FLAG_FIELDS)) set(path, given[flag]);

  const result = agentConfigSchema.safeParse(tree);
  if (!result.success) throw invalid(file, violationsOf(result.error.issues, agentConfigSchema, tree));
  const config = result.data;
  return {
    ...config,
    dataDir: resolve(config.dataDir),
    ...(config.joinTokenFile === undefined ? {} : { joinTokenFile: resolve(config.joinTokenFile) }),
    dns: {
      ...withAbsoluteFiles(config.dns, (path) => resolve(path)),
      ...(config.witness ? { enabled: false } : {}),
    },
    gateway: {
      ...config.gateway,
      ...(config.witness ? { enabled: false } : {}),
      certificates: config.gateway.certificates.map(({ certificateFile, keyFile }) => ({
        certificateFile: resolve(certificateFile),
        keyFile: resolve(keyFile),
      })),
      accessLog:
        config.gateway.accessLog.file === undefined ? {} : { file: resolve(config.gateway.accessLog.file) },
    },
    certificates: withAbsoluteExports(config.certificates),
    kubernetes:
      config.kubernetes.kubeconfig === undefined
        ? config.kubernetes
        : { ...config.kubernetes, kubeconfig: resolve(config.kubernetes.kubeconfig) },
    geo: config.geo.database === undefined ? {} : { database: resolve(config.geo.database) },
  };
}

/** `443=8443`: a port of Gateways and where it is bound. What is not of this shape is left to the schema to refuse. */
function portMap(flags: readonly string[]): Tree {
  return Object.fromEntries(
    flags.map((flag) => {
      const at = flag.indexOf('=');
      const bound = flag.slice(at + 1);
      return at < 0 ? [flag, ''] : [flag.slice(0, at), /^\d+$/.test(bound) ? Number(bound) : bound];
    }),
  );
}

function invalid(file: string | undefined, found: readonly FieldViolation[]): PortolanError {
  const violations = found.map((v) => ({
    ...v,
    code: 'CONFIG_INVALID' as const,
    ...(v.path === 'dataDir' ? { fix: 'Pass --data-dir, or set PORTOLAN_DATA_DIR.' } : {}),
  }));
  const [first] = violations;
  const text = violations.map((v) => `${v.path === '' ? '(top level)' : v.path}: ${v.message}`).join('; ');
  return new PortolanError(
    'CONFIG_INVALID',
    `the agent's configuration${file === undefined ? '' : ` (${file})`} is not valid: ${text}`,
    { violations, ...(first === undefined ? {} : { fix: first.fix }) },
  );
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    throw new PortolanError('USAGE', messageOf(cause), { cause, fix: 'See `portolan agent --help`.' });
  }
}

function readFile(path: string): Tree {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PortolanError(
      'CONFIG_INVALID',
      `the configuration file ${path} cannot be read: ${messageOf(cause)}`,
      { cause },
    );
  }
  let value: unknown;
  try {
    value = parseYaml(text);
  } catch (cause) {
    throw new PortolanError('YAML_INVALID', `${path}: ${messageOf(cause)}`, { cause });
  }
  if (value === null) return {};
  if (!isTree(value)) throw new PortolanError('CONFIG_INVALID', `${path} is not a mapping`);
  return { ...value };
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
