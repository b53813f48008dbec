import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { backendAt, partOf, ruleOf } from '../../gateway/testing/gateway-fixture.ts';
import { endpointFile } from '../../spoke-agent/endpoints/endpoint-file.ts';
import { createHubStandIn } from '../../spoke-agent/testing/hub-stand-in.ts';
import { NO_GATEWAY_SECRETS } from '../../src/policy/model.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

const MAIN = fileURLToPath(new URL('../../spoke-agent/main.ts', import.meta.url));

let dataDir: string;
let pod: Server;
let agent: ChildProcess | undefined;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'portolan-endpoints-'));
  pod = createServer((_request, response) => response.end('from the pod')).listen(0, '127.0.0.1');
  await once(pod, 'listening');
});
afterEach(async () => {
  if (agent !== undefined && agent.exitCode === null && agent.signalCode === null) {
    const gone = once(agent, 'exit');
    agent.kill('SIGKILL');
    await gone;
  }
  pod.close();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
});

it('I10 an agent that starts without hub and API server sends to the endpoints that its Services had last', async () => {
  const hub = await createHubStandIn();
  await hub.join(dataDir);
  const service = (name: string) =>
    backendAt(0, {
      source: { kind: 'Service', name: `shop/${name}` },
      endpoints: [],
      service: `shop/${name}:80`,
    });
  const part = partOf(0, {
    rules: [ruleOf('all', { backends: [{ backend: 'service/shop/web:80', weight: 1, filters: [] }] })],
    backends: { 'service/shop/web:80': service('web') },
  });
  await hub.store(dataDir, hub.snapshot({ gateway: { part, secrets: NO_GATEWAY_SECRETS } }));
  await endpointFile(dataDir).write(
    new Map([['shop/web:80', [`127.0.0.1:${(pod.address() as AddressInfo).port}`]]]),
  );
  const port = await freePort();
  agent = spawn(
    process.execPath,
    [
      MAIN,
      ...['--data-dir', dataDir, '--no-dns', '--peer-listen', '127.0.0.1:0'],
      ...['--gateway-port', `80=${port}`, '--allow-range', '127.0.0.0/8', '--kubernetes'],
    ],
    {
      stdio: ['ignore', 'ignore', 'ignore'],
      // Nobody listens on port 9: the API server is not there.
      env: {
        ...process.env,
        KUBECONFIG: '',
        HOME: dataDir,
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: '9',
      },
    },
  );
  const { value } = await until(
    'the gateway answers',
    async () => {
      const reply = await fetch(`http://127.0.0.1:${port}/`);
      return `${reply.status} ${await reply.text()}`;
    },
    30_000,
    50,
  );
  // The first answer, and not one after the endpoints came from elsewhere.
  expect(value).toBe('200 from the pod');
});
