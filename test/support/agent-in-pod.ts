import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { programArguments } from '../../cli/programs.ts';

/** An agent as in a pod: the files of its service account where the kubelet puts them, the API server from its environment. */
export interface AgentInPod {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Its own process and those it started: the data process first. */
  readonly pids: readonly number[];
  /** Lines of its log, each with when it came, by `performance.now()`. */
  readonly log: readonly { readonly atMs: number; readonly line: string }[];
  stop(): Promise<void>;
}

/** Of the volume with a service account's files. */
export interface ServiceAccountFolder {
  readonly folder: string;
  /** As the kubelet does: a new folder, and a link to it put in the place of the old one at once. */
  rotate(token: string): void;
}

export function serviceAccountFolder(
  folder: string,
  caFile: string,
  namespace: string,
): ServiceAccountFolder {
  const ca = readFileSync(caFile);
  let turn = 0;
  mkdirSync(folder, { recursive: true });
  for (const name of ['token', 'namespace', 'ca.crt']) symlinkSync(join('..data', name), join(folder, name));
  return {
    folder,
    rotate(token) {
      const before = `..${turn}`;
      turn += 1;
      const next = `..${turn}`;
      mkdirSync(join(folder, next));
      writeFileSync(join(folder, next, 'token'), token);
      writeFileSync(join(folder, next, 'namespace'), namespace);
      writeFileSync(join(folder, next, 'ca.crt'), ca);
      symlinkSync(next, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
      rmSync(join(folder, before), { recursive: true, force: true });
    },
  };
}

/**
 * In a mount namespace of its own, so it needs root.
 * @param entry URL of the built `dist/portolan.mjs`
 */
export function startAgentInPod(options: {
  readonly entry: string;
  readonly account: ServiceAccountFolder;
  readonly configFile: string;
  /** Of the API server. */
  readonly server: string;
  readonly environment?: Readonly<Record<string, string>>;
}): AgentInPod {
  const { entry, account, configFile, server } = options;
  const { hostname, port } = new URL(server);
  const at = '/run/secrets/kubernetes.io/serviceaccount';
  const mounted = `mount -t tmpfs tmpfs /run && mkdir -p ${at} && mount --bind "$0" ${at} && exec "$@"`;
  const child = spawn(
    'unshare',
    [
      ...['-m', 'sh', '-c', mounted, account.folder],
      ...[process.execPath, ...programArguments('agent', entry), '--config', configFile],
    ],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PORTOLAN_LIFELINE: 'stdin',
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: port,
        NODE_NAME: 'node-1',
        POD_NAME: 'agent',
        ...options.environment,
      },
    },
  );
  const log: { readonly atMs: number; readonly line: string }[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) log.push({ atMs: performance.now(), line });
    });
  }
  let ended = false;
  const exited = new Promise<void>((resolve) =>
    child.once('close', () => {
      ended = true;
      resolve();
    }),
  );
  const pid = child.pid ?? 0;
  return {
    process: child,
    pid,
    get pids() {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
      return [pid, ...(children === '' ? [] : children.split(' ').map(Number))];
    },
    log,
    async stop() {
      if (ended) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await exited;
      clearTimeout(timer);
    },
  };
}
