import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { PortolanError } from '../src/errors/error.ts';
import type { RoutingPart } from '../src/protocol/snapshot.ts';
import { until } from '../test/support/until.ts';
import { type CheckedFile, createSacrificialCheck } from './sacrificial-check.ts';
import { encodeSnapshotFile } from './snapshot-file.ts';
import { createSnapshotTrial } from './snapshot-trial.ts';
import { createHubStandIn, type HubStandIn, type SnapshotRecipe, WWW } from './testing/hub-stand-in.ts';

const PROGRAM = fileURLToPath(new URL('./snapshot-check.ts', import.meta.url));

let hub: HubStandIn;
let folder: string;
let files = 0;
/** Ends the processes that wait for another snapshot. */
const over = new AbortController();

beforeAll(async () => {
  hub = await createHubStandIn();
  folder = await mkdtemp(join(tmpdir(), 'portolan-check-'));
});
afterAll(async () => {
  over.abort();
  await rm(folder, { recursive: true, force: true });
});

const fileOf = async (bytes: Uint8Array): Promise<string> => {
  files += 1;
  const path = join(folder, `${files}.snap`);
  await writeFile(path, bytes);
  return path;
};

const tried = async (bytes: Uint8Array, program = PROGRAM, limitMs?: number): Promise<string> => {
  const path = await fileOf(bytes);
  try {
    const check = createSacrificialCheck({
      program,
      ...(limitMs === undefined ? {} : { timeLimitMs: limitMs }),
      signal: over.signal,
    });
    await check.tryOut({ path, hash: path });
    return 'good';
  } catch (error) {
    if (!(error instanceof PortolanError)) throw error;
    return `${error.code}: ${error.message}`;
  }
};

/** What the program finds, without its process. */
const found = (bytes: Uint8Array): Promise<string> =>
  createSnapshotTrial()
    .problems(bytes)
    .then((problems) => (problems === '' ? 'good' : problems))
    .catch(String);

const snapshotFile = (recipe: SnapshotRecipe = {}): Uint8Array => encodeSnapshotFile(hub.snapshot(recipe));

/** Something of another shape than the types allow, as a hub with a bug would send it. */
const malformed = (routing: Record<string, unknown>): Partial<RoutingPart> => routing as Partial<RoutingPart>;

describe('I11 a snapshot is tried out before it is believed', () => {
  it('a good one passes, and one that is no good is refused', async () => {
    expect(await tried(snapshotFile())).toBe('good');
    expect(await tried(snapshotFile({ routing: malformed({ zones: {} }) }))).toMatch(
      /^SNAPSHOT_INVALID: .*routing.zones/,
    );
  });

  it('fields of a newer hub pass', async () => {
    expect(await found(snapshotFile({ routing: malformed({ somethingNew: { a: 1 } }) }))).toBe('good');
  });

  it('keys of a name server pass, and what is no key is refused with its place', async () => {
    const key = { name: 'transfer.', algorithm: 'hmac-sha256', secret: 'c2VjcmV0c2VjcmV0' } as const;
    expect(await found(snapshotFile({ dns: { signing: {}, tsigKeys: { 'default/key': key } } }))).toBe(
      'good',
    );
    const broken = { ...key, secret: '' };
    expect(
      await found(snapshotFile({ dns: { signing: {}, tsigKeys: { 'default/key': broken } } })),
    ).toContain('dns.tsigKeys.default/key.secret');
  });

  it.each([
    [
      'a policy without TTL',
      { policies: [{ ...WWW, ttlSeconds: undefined }] },
      'routing.policies.0.ttlSeconds',
    ],
    [
      'a weight that is no number',
      { policies: [{ ...WWW, defaultTiers: [{ members: [{ endpoint: 'eu', weight: 'x' }] }] }] },
      'routing.policies.0.defaultTiers.0.members.0.weight',
    ],
    [
      'a tier with an endpoint that is not there',
      { policies: [{ ...WWW, defaultTiers: [{ members: [{ endpoint: 'gone', weight: 1 }] }] }] },
      'a tier names an endpoint that does not exist',
    ],
    [
      'an address that is none',
      {
        policies: [
          {
            ...WWW,
            endpoints: WWW.endpoints.map((e) => ({
              ...e,
              addresses: [{ address: '1.2.3', family: 4, targetId: 't' }],
            })),
          },
        ],
      },
      'routing.policies.0.endpoints.0.addresses.0.address',
    ],
    ['zones that are no list', { zones: {} }, 'routing.zones'],
  ])('%s is refused with its place', async (_, routing, said) => {
    const text = await found(snapshotFile({ routing: malformed(routing) }));
    expect(text).toContain(said);
  });

  it('a zone that does not compile is refused', async () => {
    const [zone] = (JSON.parse(Buffer.from(hub.snapshot().parts[0]?.content ?? []).toString()) as RoutingPart)
      .zones;
    if (zone === undefined) throw new Error('there is a zone');
    const records = [{ name: 'www', type: 'A', data: ['192.0.2.9'] }];
    const text = await found(
      snapshotFile({ routing: { zones: [{ ...zone, spec: { ...zone.spec, records } }] } }),
    );
    expect(text).toContain('zones[0].records[0]');
  });

  it('two zones with one origin are refused', async () => {
    const [zone] = (JSON.parse(Buffer.from(hub.snapshot().parts[0]?.content ?? []).toString()) as RoutingPart)
      .zones;
    if (zone === undefined) throw new Error('there is a zone');
    expect(await found(snapshotFile({ routing: { zones: [zone, zone] } }))).toContain(
      parseName('example.test'),
    );
  });

  it('a file that is no snapshot is refused', async () => {
    expect(await found(Buffer.from('hello'))).toContain('not a snapshot file');
  });

  it('a check that never ends is ended, and the snapshot refused', async () => {
    const endless = await fileOf(Buffer.from('for (;;);'));
    expect(await tried(snapshotFile(), endless, 500)).toContain('longer than 500 ms');
  });

  it('a check whose agent ends is ended with it, and gone when the refusal is heard', async () => {
    const pidFile = join(folder, 'pid');
    const program = await fileOf(
      Buffer.from(
        `require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid)); for (;;);`,
      ),
    );
    const agent = new AbortController();
    const check = createSacrificialCheck({ program, signal: agent.signal });
    const refused = check.tryOut({ path: pidFile, hash: '' }).catch(String);
    const { value: pid } = await until(
      'the check runs',
      async () => Number(await readFile(pidFile, 'utf8')) || undefined,
      20_000,
    );
    agent.abort();
    expect(await refused).toContain('SIGKILL');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  it('the process is there for the next one; when it went meanwhile, another one decides', async () => {
    const log = join(folder, 'asked');
    const program = await fileOf(
      Buffer.from(
        `const { appendFileSync } = require('node:fs');
        process.on('message', (order) => {
          appendFileSync(${JSON.stringify(log)}, JSON.stringify({ pid: process.pid, ...order }) + '\\n');
          if (order.check?.path === 'fatal' && order.before === undefined) process.abort();
          if (order.check !== undefined) process.send(order.check.path === 'bad' ? { ok: false, reason: 'it is bad' } : { ok: true });
        });`,
      ),
    );
    const check = createSacrificialCheck({ program, signal: over.signal });
    const asked = async () =>
      (await readFile(log, 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { pid: number; before?: CheckedFile; check?: CheckedFile });
    const [one, two, three] = ['1', '2', '3'].map((hash) => ({ path: hash, hash })) as [
      CheckedFile,
      CheckedFile,
      CheckedFile,
    ];
    // Nothing was tried out before by this agent process, whatever is in use.
    check.prepare(one);
    await check.tryOut(one, undefined);
    await check.tryOut(two, one);
    const [prepared, first, second] = await asked();
    expect(prepared?.before).toBeUndefined();
    expect(first).toEqual({ pid: prepared?.pid, check: one });
    expect(second).toEqual({ pid: first?.pid, before: one, check: two });

    process.kill(first?.pid ?? 0, 'SIGKILL');
    await check.tryOut(three, two);
    const third = (await asked()).at(-1);
    expect(third?.pid).not.toBe(first?.pid);
    expect(third).toEqual({ pid: third?.pid, before: two, check: three });

    await expect(check.tryOut({ path: 'bad', hash: 'bad' }, three)).rejects.toThrow('it is bad');
    await check.tryOut({ path: '4', hash: '4' }, three);
    expect((await asked()).at(-1)?.pid).not.toBe(third?.pid);
    await expect(check.tryOut({ path: 'fatal', hash: '5' }, { path: 'bad', hash: 'bad' })).rejects.toThrow(
      'SIGABRT',
    );
  });

  it('a process that nobody needs ends, but never while it is at work', async () => {
    const pidFile = join(folder, 'idle');
    const program = await fileOf(
      Buffer.from(
        `require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
        process.on('message', () => setTimeout(() => process.send({ ok: true }), 200));`,
      ),
    );
    const check = createSacrificialCheck({ program, idleMs: 20, signal: over.signal });
    const answer = check.tryOut({ path: '', hash: '' });
    check.prepare(undefined);
    await answer;
    const pid = Number(await readFile(pidFile, 'utf8'));
    const isGone = (): boolean => {
      try {
        return !process.kill(pid, 0);
      } catch {
        return true;
      }
    };
    await until('it has ended', () => Promise.resolve(isGone()), 10_000);
  });

  it('a check that dies refuses the snapshot', async () => {
    const dying = await fileOf(Buffer.from('process.abort()'));
    expect(await tried(snapshotFile(), dying)).toMatch(/SNAPSHOT_INVALID: .*ended with SIGABRT/);
  });
});
