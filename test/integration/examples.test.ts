import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DEFAULT_CONFIG, initHub } from '../../hub/init.ts';
import { type Client, createClient } from '../../src/client/client.ts';
import { parseText } from '../../src/resources/yaml.ts';

/* The documents of docs/examples against a hub of its own process: what the guides tell people to apply is accepted. */

const EXAMPLES = fileURLToPath(new URL('../../docs/examples', import.meta.url));
const MAIN = fileURLToPath(new URL('../../hub/main.ts', import.meta.url));
/** Applied first and kept: every other example is written for these clusters and this zone. */
const WORLD = ['clusters.yaml', 'zone.yaml'];
const others = readdirSync(EXAMPLES).filter((name) => name.endsWith('.yaml') && !WORLD.includes(name));

const folder = mkdtempSync(join(tmpdir(), 'portolan-examples-'));
const readyLine = z.object({ ready: z.literal(true), api: z.string() });
let hub: ChildProcess | undefined;
let client: Client;

const documentsOf = (names: readonly string[]): readonly unknown[] =>
  names.flatMap((name) => parseText(readFileSync(join(EXAMPLES, name), 'utf8')).map((d) => d.value));

beforeAll(async () => {
  const made = await initHub(folder, DEFAULT_CONFIG);
  const child = spawn(process.execPath, [MAIN, '--config', made.config], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      ...process.env,
      PORTOLAN_API_PORT: '0',
      PORTOLAN_JOIN_LISTEN: '127.0.0.1:0',
      PORTOLAN_LINK_LISTEN: '127.0.0.1:0',
      PORTOLAN_DNS_LISTEN: '127.0.0.1:0',
    },
  });
  hub = child;
  const server = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the hub ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const ready = readyLine.safeParse(JSON.parse(line));
      if (ready.success) resolve(ready.data.api);
    });
  });
  client = createClient({ server, token: readFileSync(made.tokenFile, 'utf8').trim() });
  await client.apply({ documents: documentsOf(WORLD) });
});

afterAll(async () => {
  const child = hub;
  if (child !== undefined && child.exitCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

describe('the examples of the guides', () => {
  it('are there', () => expect(others.length).toBeGreaterThan(5));

  it.each(others)('%s is accepted after the clusters and the zone, without a warning', async (name) => {
    const documents = documentsOf([name]);
    const applied = await client.apply({ documents }, { dryRun: true });
    expect(applied.documents.map((d) => d.action)).toEqual(documents.map(() => 'create'));
    expect(applied.warnings).toEqual([]);
  });

  it('are accepted all together, as `portolan apply -f docs/examples/` sends them', async () => {
    const documents = documentsOf([...WORLD, ...others]);
    const applied = await client.apply({ documents }, { dryRun: true });
    expect(applied.documents).toHaveLength(documents.length);
    expect(applied.documents.filter((d) => d.violations.length > 0)).toEqual([]);
  });

  it('would be refused with a field nobody knows: the hub looks at them', async () => {
    const [first] = documentsOf(['drain.yaml']);
    const wrong = { ...(first as object), spec: { cluster: 'paris', because: 'x' } };
    await expect(client.apply({ documents: [wrong] }, { dryRun: true })).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    });
  });
});
