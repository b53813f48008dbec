import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { initHub } from '../../../hub/init.ts';
import type { TestPostgres } from '../../support/postgres.ts';

/** Built: a start from the sources takes twice the time of a processor. */
const HUB_MAIN = fileURLToPath(new URL('../../../dist/hub.mjs', import.meta.url));
const LAUNCHER = fileURLToPath(new URL('../../../cli/portolan.mjs', import.meta.url));

const ANSWER_MS = 20_000;
const DNS_TIMEOUT_MS = 5_000;

const readyLine = z.object({
  ready: z.literal(true),
  api: z.string(),
  join: z.string(),
  link: z.string(),
  dns: z.array(z.string()),
});

/** One hub as a process of its own. */
export interface FleetHub extends Readonly<Omit<z.output<typeof readyLine>, 'ready'>> {
  readonly name: string;
  readonly process: ChildProcess;
  /** The end of its log. */
  said(): string;
  /** How it ended: its exit code, or the signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Hubs of one database, with the same key and the same first token. */
export interface Fleet extends AsyncDisposable {
  readonly url: string;
  start(name: string, how?: { readonly env?: Readonly<Record<string, string>> }): Promise<FleetHub>;
  /** One request with the admin token. */
  ask(
    at: { readonly api: string },
    path: string,
    request?: { readonly method: string; readonly body: unknown },
  ): Promise<Answer>;
  readonly token: string;
}

const statusSchema = z.object({
  hub: z.object({ epoch: z.number() }),
  hubs: z
    .array(z.object({ identity: z.string(), role: z.enum(['leader', 'standby']), epoch: z.number() }))
    .optional(),
  nameServers: z.array(z.object({ id: z.string(), state: z.string(), sequence: z.number() })),
});

export type FleetStatus = z.output<typeof statusSchema>;

export async function startFleet(
  server: TestPostgres,
  {
    leaseSeconds,
    election = 'mode: postgres',
  }: { readonly leaseSeconds: number; readonly election?: string },
): Promise<Fleet> {
  // It builds when a source is newer than what was built.
  await promisify(execFile)(process.execPath, [LAUNCHER, '--version']);
  const url = await server.createDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'portolan-hubs-'));
  const running: FleetHub[] = [];
  const text = (name: string): string => `dataDir: data
store: {postgres: {url: '${url}'}}
election: {${election}, identity: ${name}, leaseSeconds: ${leaseSeconds}}
logLevel: info
`;
  const first = join(folder, 'first');
  await initHub(first, text('first'));
  const token = (await readFile(join(first, 'admin.token'), 'utf8')).trim();

  return {
    url,
    token,
    async start(name, { env = {} } = {}) {
      const home = join(folder, name);
      await mkdir(home, { recursive: true });
      await copyFile(join(first, 'data.key'), join(home, 'data.key'));
      await writeFile(join(home, 'admin.token'), token);
      await initHub(home, text(name));
      const args = ['--max-semi-space-size=2', HUB_MAIN, '--config', join(home, 'hub.yaml')];
      const child = spawn(process.execPath, args, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          PORTOLAN_API_PORT: '0',
          PORTOLAN_JOIN_LISTEN: '127.0.0.1:0',
          PORTOLAN_LINK_LISTEN: '127.0.0.1:0',
          PORTOLAN_DNS_LISTEN: '127.0.0.1:0',
          PORTOLAN_ALLOWED_RANGES: '127.0.0.0/8',
          ...env,
        },
      });
      let log = '';
      child.stderr.on('data', (chunk: Buffer) => {
        log = (log + chunk.toString()).slice(-100_000);
      });
      const ended = new Promise<number | NodeJS.Signals | null>((resolve) =>
        child.once('close', (code, signal) => resolve(code ?? signal)),
      );
      const line = await new Promise<string>((resolve, reject) => {
        createInterface({ input: child.stdout }).once('line', resolve);
        void ended.then((how) => reject(new Error(`the hub ended with ${how ?? ''}: ${log.slice(-2_000)}`)));
      });
      const hub: FleetHub = {
        ...readyLine.parse(JSON.parse(line)),
        name,
        process: child,
        said: () => log,
        ended,
      };
      running.push(hub);
      return hub;
    },
    async ask(at, path, request) {
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(new Error(`no answer of ${at.api}${path}`)), ANSWER_MS);
      try {
        const response = await fetch(`${at.api}${path}`, {
          method: request?.method ?? 'GET',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          ...(request === undefined ? {} : { body: JSON.stringify(request.body) }),
          signal: limit.signal,
        });
        const body = await response.text();
        const isJson = response.headers.get('content-type')?.includes('json') === true;
        return { status: response.status, body: isJson ? (JSON.parse(body) as unknown) : body };
      } finally {
        clearTimeout(timer);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const hub of running) {
        if (hub.process.exitCode === null && hub.process.signalCode === null) {
          hub.process.kill('SIGCONT');
          hub.process.kill('SIGKILL');
        }
      }
      await Promise.all(running.map(({ ended }) => ended));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function statusAt(fleet: Fleet, hub: FleetHub): Promise<FleetStatus> {
  return statusSchema.parse((await fleet.ask(hub, '/v1/status')).body);
}

/** Whether it leads, as it says of itself; rejects while it does not answer. */
export async function leads(fleet: Fleet, hub: FleetHub): Promise<boolean> {
  const metrics = await fleet.ask(hub, '/metrics');
  const value = /^portolan_hub_leader (\d)$/m.exec(String(metrics.body))?.[1];
  return value === '1';
}

const API = 'portolan.dev/v1alpha1';

export function objectPath(plural: string, name = ''): string {
  return `/apis/${API}/namespaces/default/${plural}${name === '' ? '' : `/${name}`}`;
}

export function write(kind: string, name: string, spec: object): { method: 'POST'; body: object } {
  return {
    method: 'POST',
    body: { apiVersion: API, kind, metadata: { namespace: 'default', name }, spec },
  };
}

/** A records of a name, as this hub's name server gives them, sorted; `undefined` while it does not answer. */
export async function addressesAt(hub: FleetHub, name: string): Promise<readonly string[] | undefined> {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: 1 });
  resolver.setServers([...hub.dns]);
  return resolver.resolve4(name).then(
    (found) => found.toSorted(),
    () => undefined,
  );
}
