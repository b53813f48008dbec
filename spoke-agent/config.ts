import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import { cidr } from '../src/resources/fields.ts';
import type { ListenAddress } from './listen-address.ts';

export type { ListenAddress };

const listen = z.string().transform((text, context): ListenAddress => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const number = Number(match?.[3]);
  if (match === null || number > 65_535) {
    context.addIssue({ code: 'custom', message: 'an address with a port, such as 127.0.0.1:53 or [::1]:53' });
    return z.NEVER;
  }
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port: number };
});

const hostPort = z.string().regex(/^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):\d{1,5}$/, 'host:port');

const agentConfig = z.strictObject({
  /** Identity, snapshots and the last states; made by `portolan cluster join`. */
  dataDir: z.string().min(1),
  /** Only votes: no name server. The third witness of two sites. */
  witness: z.boolean().default(false),
  dns: z
    .strictObject({
      enabled: z.boolean().default(true),
      listen: z
        .array(listen)
        .min(1)
        .max(32)
        .default([{ host: '127.0.0.1', port: 5353 }]),
      /** How others reach the name server, `host:port`; default: the addresses it listens on. */
      advertise: z.array(hostPort).max(32).optional(),
    })
    .prefault({}),
  peer: z
    .strictObject({
      listen: listen.default({ host: '127.0.0.1', port: 0 }),
      /** How other agents reach it, `host:port`; default: where it listens. */
      advertise: hostPort.optional(),
    })
    .prefault({}),
  /** Plain HTTP for /healthz, /readyz and /metrics; absent: none. */
  admin: z.strictObject({ listen }).optional(),
  network: z
    .strictObject({
      /** Ranges that probes may contact although they are loopback, link-local or metadata addresses. */
      allowedRanges: z.array(cidr).max(100).default([]),
    })
    .prefault({}),
  geo: z
    .strictObject({
      /** An .mmdb file; default: the one that comes with portolan. */
      database: z.string().min(1).optional(),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
    })
    .prefault({}),
});
export type AgentConfig = z.output<typeof agentConfig>;

const OPTIONS = {
  config: { type: 'string' },
  'data-dir': { type: 'string' },
  dns: { type: 'string', multiple: true },
  'no-dns': { type: 'boolean' },
  'dns-advertise': { type: 'string', multiple: true },
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
  set(['dataDir'], flags['data-dir'] ?? env.PORTOLAN_DATA_DIR);
  set(['witness'], flags.witness);
  set(['dns', 'listen'], flags.dns);
  set(['dns', 'enabled'], flags['no-dns'] === true ? false : undefined);
  set(['dns', 'advertise'], flags['dns-advertise']);
  set(['peer', 'listen'], flags['peer-listen']);
  set(['peer', 'advertise'], flags['peer-advertise']);
  set(['admin', 'listen'], flags.admin);
  set(['network', 'allowedRanges'], flags['allow-range']);
  set(['geo', 'database'], flags['geo-database']);
  set(['log', 'level'], flags['log-level']);

  const result = agentConfig.safeParse(tree);
  if (!result.success) {
    const violations = result.error.issues.map((issue) => ({
      path: issue.path.join('.') || '(top level)',
      code: 'CONFIG_INVALID' as const,
      message: issue.message,
      fix:
        issue.path[0] === 'dataDir'
          ? 'Pass --data-dir, or set PORTOLAN_DATA_DIR.'
          : `Correct ${issue.path.join('.')}.`,
    }));
    const text = violations.map((v) => `${v.path}: ${v.message}`).join('; ');
    throw new PortolanError(
      'CONFIG_INVALID',
      `the agent's configuration${file === undefined ? '' : ` (${file})`} is not valid: ${text}`,
      {
        violations,
        ...(violations[0] === undefined ? {} : { fix: violations[0].fix }),
      },
    );
  }
  const config = result.data;
  return {
    ...config,
    dataDir: resolve(config.dataDir),
    ...(config.witness ? { dns: { ...config.dns, enabled: false } } : {}),
    geo: config.geo.database === undefined ? {} : { database: resolve(config.geo.database) },
  };
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
