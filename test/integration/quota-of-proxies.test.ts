import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { AGENTS, type Installation, startInstallation } from './gateway-agents/installation.ts';

/* Proxies beside two agents of one hub ask about a domain; the clusters have no Gateway at all. */

const LIMIT = 7;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let at: Installation;
const children: ChildProcess[] = [];
const ports: number[] = [];

const take = (port: number, user: string) =>
  fetch(`http://127.0.0.1:${port}/v1/quota/take`, {
    method: 'POST',
    body: JSON.stringify({ domain: 'proxies', descriptors: { user } }),
  });

beforeAll(async () => {
  at = await startInstallation();
  for (const index of [0, 1]) {
    await at.stopAgent(index);
    const port = await freePort();
    const file = join(at.folder, `agent-${index}.yaml`);
    await writeFile(
      file,
      `dataDir: ${join(at.folder, AGENTS[index] ?? '')}\ngateway: { authorization: { listen: '127.0.0.1:${port}' } }\n`,
    );
    const options = ['--no-dns', '--peer-listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
    const child = spawn(process.execPath, [join(ROOT, 'dist', 'agent.mjs'), '--config', file, ...options], {
      stdio: 'ignore',
    });
    children.push(child);
    ports.push(port);
  }
  await at.apply({
    apiVersion: 'portolan.dev/v1alpha1',
    kind: 'RateLimitPolicy',
    metadata: { name: 'proxies' },
    spec: {
      domain: 'proxies',
      rules: {
        limits: {
          user: {
            counters: ["descriptors[0]['user']"],
            rates: [{ limit: LIMIT, window: 'year' }],
            wait: '5s',
          },
        },
      },
    },
  });
  const served = (port: number): Promise<boolean> =>
    take(port, 'nobody').then((answer) => answer.headers.has('ratelimit'));
  for (const port of ports) await until('the agent counts for proxies', () => served(port), 60_000);
});
afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null) continue;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }
  await at?.close();
});

it('lets exactly the limit pass at both agents together', async () => {
  const answers = await Promise.all(
    Array.from({ length: 4 * LIMIT }, (_, i) => take(ports[i % 2] ?? 0, 'alice')),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(LIMIT);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 429]));
});
