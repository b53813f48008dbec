import { execFile, spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import { goModule } from './go-tools.ts';
import { type ServerProcess, startServer, watchServer } from './server-process.ts';
import { pathOf, requireServer, type ServerState, skipped } from './servers.ts';
import { until } from './until.ts';

const run = promisify(execFile);
const SOURCE = join(import.meta.dirname, 'kube-apiserver');
const START_MS = 60_000;

/** Whether a real API server can run here: etcd from Debian, kube-apiserver built once by Go and kept in the user's cache. */
export async function requireKubeApiserver(suite: string): Promise<ServerState> {
  const etcd = await requireServer('etcd', suite);
  if (!etcd.available) return etcd;
  try {
    return { available: true, path: await goModule(SOURCE, 'kube-apiserver') };
  } catch (error) {
    const reason = `kube-apiserver could not be built: ${error instanceof Error ? error.message.slice(-500) : String(error)}`;
    return skipped(suite, reason, 'install Go (1.26 or newer) and let it reach a module proxy');
  }
}

/** An API server with its own etcd, both on loopback and gone with the test. */
export interface KubeApiserver extends AsyncDisposable {
  /** `https://127.0.0.1:port`. */
  readonly url: string;
  /** PEM of its serving certificate, which signs itself. */
  readonly caFile: string;
  /** Of `system:masters`. */
  readonly adminToken: string;
  /** One event of `audit.k8s.io/v1` a line, when that was asked for. */
  readonly auditLog: string;
  /** A kubeconfig file for this token. */
  kubeconfig(token: string, namespace?: string): Promise<string>;
  readonly server: ServerProcess;
  readonly etcd: ServerProcess;
  /** Ends the API server, when it still runs, and starts it again on the same port over the same etcd. */
  restart(): Promise<void>;
}

export async function startKubeApiserver(
  program: string,
  /** Further users: token → user and groups. */
  users: Readonly<Record<string, { readonly user: string; readonly groups?: readonly string[] }>> = {},
  /** With `audit`, who asked for what is in `auditLog`. Without `watchCache`, watches go on from what etcd has kept. */
  options: { readonly audit?: boolean; readonly watchCache?: boolean } = {},
): Promise<KubeApiserver> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-kube-'));
  const etcdProgram = pathOf(await requireServer('etcd', 'kube-apiserver'));
  const adminToken = randomBytes(16).toString('hex');
  const signing = join(folder, 'service-accounts.key');
  const auditLog = join(folder, 'audit.log');
  const policy = join(folder, 'audit-policy.json');
  await writeFile(
    policy,
    JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules: [{ level: 'Metadata' }] }),
  );
  const tokens = join(folder, 'tokens.csv');
  const certificates = join(folder, 'certificates');
  await writeFile(
    signing,
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
  );
  const lines = Object.entries(users).map(
    ([token, { user, groups = [] }]) => `${token},${user},${user},"${groups.join(',')}"`,
  );
  await writeFile(tokens, [`${adminToken},admin,admin,"system:masters"`, ...lines].join('\n'));
  const peers = await freePort();
  const etcd = await startServer(
    'etcd',
    (port) =>
      spawn(
        etcdProgram,
        [
          ...['--data-dir', join(folder, 'etcd'), '--unsafe-no-fsync'],
          ...['--listen-client-urls', `http://127.0.0.1:${port}`],
          ...['--advertise-client-urls', `http://127.0.0.1:${port}`],
          ...['--listen-peer-urls', `http://127.0.0.1:${peers}`],
        ],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      ),
    async (port) => (await fetch(`http://127.0.0.1:${port}/health`)).ok,
  );
  const caFile = join(certificates, 'apiserver.crt');
  const spawned = (port: number) =>
    spawn(
      program,
      [
        ...['--etcd-servers', `http://127.0.0.1:${etcd.port}`],
        ...['--bind-address', '127.0.0.1', '--secure-port', String(port), '--cert-dir', certificates],
        ...['--service-account-issuer', 'https://kubernetes.default.svc'],
        ...['--service-account-key-file', signing, '--service-account-signing-key-file', signing],
        ...['--token-auth-file', tokens, '--authorization-mode', 'RBAC'],
        ...['--service-cluster-ip-range', '10.96.0.0/24'],
        ...(options.audit === true ? ['--audit-policy-file', policy, '--audit-log-path', auditLog] : []),
        ...(options.watchCache === false ? ['--watch-cache=false'] : []),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
  const isReady = async (port: number) => {
    if (!existsSync(caFile)) return false;
    await run('curl', [
      ...['-sSf', '--max-time', '5', '--cacert', caFile],
      ...['-H', `authorization: Bearer ${adminToken}`, `https://127.0.0.1:${port}/readyz`],
    ]);
    return true;
  };
  let server = await startServer('kube-apiserver', spawned, isReady);
  const url = `https://127.0.0.1:${server.port}`;
  return {
    url,
    caFile,
    adminToken,
    auditLog,
    async kubeconfig(token, namespace = 'default') {
      const file = join(
        folder,
        `kubeconfig-${createHash('sha256')
          .update(token + namespace)
          .digest('hex')
          .slice(0, 8)}`,
      );
      const config = {
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority': caFile } }],
        users: [{ name: 'test', user: { token } }],
        contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
        'current-context': 'test',
      };
      await writeFile(file, JSON.stringify(config), { mode: 0o600 });
      return file;
    },
    get server() {
      return server;
    },
    etcd,
    async restart() {
      const { port } = server;
      await server.stop();
      server = watchServer('kube-apiserver', port, spawned(port));
      await until('kube-apiserver serves again', () => isReady(port), START_MS, 100);
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      await etcd.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
