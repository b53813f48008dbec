import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { choosePorts, keepPorts } from './ports.ts';

let folder: string;
let taken: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-ports-'));
});
afterEach(async () => {
  taken?.close();
  taken = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** A port that nothing else asks for by chance: one the system just gave. */
async function occupyAny(): Promise<number> {
  const server = createServer();
  taken = server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

describe('the ports of the demo', () => {
  it('are the kept ones while those are free, and only the taken one changes', async () => {
    const first = await choosePorts(folder, ['127.0.1.1', '127.0.1.2']);
    const busy = await occupyAny();
    keepPorts(folder, { ...first, link: busy, backend: 18_099 });
    const second = await choosePorts(folder, ['127.0.1.1', '127.0.1.2']);
    expect(second).toMatchObject({ backend: 18_099, agents: first.agents });
    expect(second.link).not.toBe(busy);
  });

  it('differ from each other, also when the kept ones did not', async () => {
    keepPorts(folder, {
      api: 18_091,
      join: 18_091,
      link: 18_091,
      hubDns: 18_091,
      agents: [18_091],
      backend: 18_091,
      gateway: 18_091,
      gatewayTls: 18_091,
      ca: 18_091,
      caManagement: 18_091,
    });
    const { agents, ...others } = await choosePorts(folder, ['127.0.1.1', '127.0.1.2']);
    const all = [...agents, ...Object.values(others)];
    expect(all).toHaveLength(11);
    expect(new Set(all).size).toBe(11);
  });

  it('are chosen anew where the file is damaged', async () => {
    await writeFile(join(folder, 'ports.json'), '{"api":');
    expect((await choosePorts(folder, ['127.0.1.1'])).agents).toHaveLength(1);
  });
});
