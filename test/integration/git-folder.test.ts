import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runCli } from '../support/cli.ts';
import { type HubProcess, startHub } from '../support/hub-process.ts';
import { containing, matching } from '../support/matchers.ts';
import { until } from '../support/until.ts';

const cluster = (name: string, country: string, address: string): string => `apiVersion: portolan.dev/v1alpha1
kind: Cluster
metadata: { name: ${name} }
spec: { location: { country: ${country} }, addresses: [${address}] }
`;
const check = (name: string, port: number): string => `apiVersion: portolan.dev/v1alpha1
kind: HealthCheck
metadata: { name: ${name}, namespace: shop }
spec: { protocol: tcp, port: ${port} }
`;
const policy = (endpoints: readonly string[]): string => `apiVersion: portolan.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: web }
spec:
  hostnames: [www.example.com]
  endpoints: [${endpoints.map((name) => `{ name: ${name}, cluster: ${name} }`).join(', ')}]
  routing: { default: { tiers: [{ members: [${endpoints.map((name) => `{ endpoint: ${name} }`).join(', ')}] }] } }
`;

const count = z.number();
/** The status file, as a script reads it. */
const statusSchema = z.object({
  source: z.literal('git-folder'),
  ready: z.boolean(),
  complete: z.boolean(),
  managed: count,
  revision: z.string().optional(),
  objects: z.object({ applied: count, conflict: count, held: count, refused: count, failed: count }),
  problems: z.array(z.object({ origin: z.string(), object: z.string().optional(), message: z.string() })),
  held: z.array(z.object({ id: z.string(), verb: z.string(), origin: z.string() })),
  unmanaged: z.array(z.string()),
  notes: z.array(z.string()),
});
type GitFolderStatus = z.output<typeof statusSchema>;
const storedSchema = z.object({
  metadata: z.object({ generation: count, annotations: z.record(z.string(), z.string()).default({}) }),
  spec: z.object({
    port: count.optional(),
    endpoints: z.array(z.unknown()).default([]),
    addresses: z.array(z.string()).default([]),
  }),
});
const auditSchema = z.object({
  items: z.array(z.object({ verb: z.string(), kind: z.string(), name: z.string() })),
});

/** A person, Git and a hub, in the order in which things happen; each step builds on the one before. */
describe('portolan hub --source git-folder', () => {
  let folder: string;
  let home: string;
  /** The link that git-sync swaps. */
  let current: string;
  let statusFile: string;
  let hub: HubProcess | undefined;
  let token: string;
  let commits = 0;

  const at = (file: string): string => join(current, file);
  async function put(file: string, text: string): Promise<void> {
    await mkdir(dirname(at(file)), { recursive: true });
    await writeFile(at(file), text);
  }
  const start = async (): Promise<void> => {
    hub = await startHub(home, {
      PORTOLAN_GIT_FOLDER: current,
      PORTOLAN_GIT_FOLDER_STATUS: statusFile,
    });
  };
  const portolan = (...argv: readonly string[]) =>
    runCli(argv, { folder, env: { PORTOLAN_SERVER: hub?.api ?? '', PORTOLAN_TOKEN: token } });
  const status = async (): Promise<GitFolderStatus> =>
    statusSchema.parse(JSON.parse(await readFile(statusFile, 'utf8')));
  /** Waits for a status of which this is true. */
  const told = async (what: string, is: (status: GitFolderStatus) => boolean): Promise<GitFolderStatus> => {
    const look = async (): Promise<GitFolderStatus | undefined> => {
      const now = await status();
      if (is(now)) return now;
      throw new Error(JSON.stringify(now));
    };
    return (await until(what, look, 10_000)).value;
  };
  const stored = async (kind: string, name: string, namespace = 'default') => {
    const { out, code } = await portolan('get', kind, name, '-n', namespace, '-o', 'json');
    return code === 0 ? storedSchema.parse(JSON.parse(out)) : undefined;
  };
  /** What was written in namespace shop, oldest first. */
  const written = async (): Promise<readonly string[]> => {
    const { out } = await portolan('events', '-n', 'shop', '--limit', '200', '-o', 'json');
    const { items } = auditSchema.parse(JSON.parse(out));
    return items.map(({ verb, kind, name }) => `${verb} ${kind}/${name}`);
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portolan-git-'));
    home = join(folder, 'home');
    current = join(folder, 'sync', 'current');
    statusFile = join(folder, 'status.json');
    await mkdir(join(folder, 'sync', '.worktrees', 'a'.repeat(40)), { recursive: true });
    await symlink(join('.worktrees', 'a'.repeat(40)), current);
    await put(
      'clusters.yaml',
      [cluster('de', 'DE', '198.51.100.1'), cluster('fr', 'FR', '198.51.100.2')].join('---\n'),
    );
    await put('shop/checks.yaml', [1, 2, 3, 4, 5, 6, 7].map((n) => check(`c${n}`, n)).join('---\n'));
    await put('kustomization.yaml', 'resources: [clusters.yaml]\n');
    await put(
      'web.json',
      JSON.stringify({
        apiVersion: 'portolan.dev/v1alpha1',
        kind: 'TrafficPolicy',
        metadata: { name: 'web' },
        spec: {
          hostnames: ['www.example.com'],
          endpoints: [
            { name: 'de', cluster: 'de' },
            { name: 'fr', cluster: 'fr' },
          ],
          routing: { default: { tiers: [{ members: [{ endpoint: 'de' }, { endpoint: 'fr' }] }] } },
        },
      }),
    );
    expect((await runCli(['init', '--dir', home], { folder })).code).toBe(0);
    await start();
    token = (await readFile(join(home, 'admin.token'), 'utf8')).trim();
  });
  afterAll(async () => {
    await hub?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('applies the whole folder, names the commit, and leaves out what is not its own', async () => {
    const first = await told('the first pass', ({ ready }) => ready);
    expect(first).toMatchObject({
      source: 'git-folder',
      revision: 'a'.repeat(40),
      complete: true,
      managed: 10,
      objects: { applied: 10, conflict: 0, held: 0, refused: 0, failed: 0 },
      problems: [],
      notes: ['kustomization.yaml is not an object of the hub'],
    });
    const shown = await portolan('source', 'status');
    expect(shown).toMatchObject({ code: 0, out: containing(`revision ${'a'.repeat(40)}`) });
    const { out } = await portolan('events', '--limit', '50');
    expect(out).toMatch(/the Git folder +create +trafficpolicy default\/web/);
  });

  it('a change of a file is in the hub within seconds, and nothing else is written', async () => {
    await put(
      'shop/checks.yaml',
      [1, 2, 3, 4, 5, 6, 7].map((n) => check(`c${n}`, n === 3 ? 33 : n)).join('---\n'),
    );
    const { tookMs } = await until(
      'the new port',
      async () => (await stored('healthcheck', 'c3', 'shop'))?.spec.port === 33,
      10_000,
    );
    expect(tookMs).toBeLessThan(5_000);
    expect((await stored('healthcheck', 'c3', 'shop'))?.metadata.generation).toBe(2);
    expect((await stored('healthcheck', 'c4', 'shop'))?.metadata.generation).toBe(1);
  });

  it('I7 what the folder sets is not changed or deleted by the API, and a plan says so', async () => {
    await writeFile(join(folder, 'edit.yaml'), policy(['de']));
    const apply = await portolan('apply', '-f', join(folder, 'edit.yaml'));
    expect(apply.code).not.toBe(0);
    expect(apply.err).toContain('MANAGED_ELSEWHERE');
    expect(apply.err).toContain('the Git folder (web.json:1)');
    const gone = await portolan('delete', 'trafficpolicy', 'web');
    expect(gone.err).toContain('MANAGED_ELSEWHERE');
    expect((await portolan('cluster', 'remove', 'fr')).err).toContain('MANAGED_ELSEWHERE');
    const plan = await portolan('plan', '-f', join(folder, 'edit.yaml'));
    expect(plan.out).toContain('~ trafficpolicy/web (namespace default, managed by git-folder)');
    expect(plan.err).toContain('would overrule this');
    expect((await stored('trafficpolicy', 'web'))?.spec.endpoints).toHaveLength(2);
  });

  it('a document as it was read back may be applied: it changes nothing, the annotation neither', async () => {
    const { out } = await portolan('get', 'healthcheck', 'c1', '-n', 'shop', '-o', 'yaml');
    await writeFile(join(folder, 'back.yaml'), out);
    expect((await portolan('apply', '-f', join(folder, 'back.yaml'))).code).toBe(0);
    await writeFile(join(folder, 'bare.yaml'), check('c1', 1));
    expect((await portolan('apply', '-f', join(folder, 'bare.yaml'))).code).toBe(0);
    expect((await stored('healthcheck', 'c1', 'shop'))?.metadata).toMatchObject({
      generation: 1,
      annotations: { 'portolan.dev/managed-by': 'git-folder' },
    });
  });

  it("operations of people stay possible: a drain is not the folder's to undo", async () => {
    expect((await portolan('cluster', 'drain', 'fr', '--reason', 'work')).code).toBe(0);
    await put('note.yaml', check('drained', 99));
    await until('a pass', () => stored('healthcheck', 'drained', 'shop'), 10_000);
    expect(await stored('drain', 'fr')).toBeDefined();
    expect((await portolan('cluster', 'undrain', 'fr')).code).toBe(0);
  });

  it('a file that cannot be read is named with line and column; the rest is applied and nothing is removed', async () => {
    await rename(at('note.yaml'), join(folder, 'note.yaml'));
    await put(
      'shop/broken.yaml',
      'apiVersion: portolan.dev/v1alpha1\nkind: HealthCheck\nmetadata: { name: [\n',
    );
    await put('other.yaml', check('other', 98));
    const broken = await told('the broken file', ({ problems }) => problems.length > 0);
    expect(broken).toMatchObject({
      ready: false,
      complete: false,
      problems: [{ origin: matching(/^shop\/broken\.yaml:\d+:\d+$/) }],
    });
    await until('the rest', () => stored('healthcheck', 'other', 'shop'), 10_000);
    expect(await stored('healthcheck', 'drained', 'shop')).toBeDefined();
    expect(await portolan('source', 'status')).toMatchObject({
      code: 1,
      out: containing('shop/broken.yaml:'),
    });
    await rm(at('shop/broken.yaml'));
    await told('all is read again', ({ ready }) => ready);
    expect(await stored('healthcheck', 'drained', 'shop')).toBeUndefined();
  });

  it('one object in two files is an error that names both', async () => {
    await put('twice.yaml', check('c2', 22));
    const twice = await told('the second', ({ problems }) => problems.length > 0);
    expect(twice.problems[0]).toMatchObject({
      object: 'HealthCheck shop/c2',
      message: containing('in shop/checks.yaml:6 and in twice.yaml:1'),
    });
    expect((await stored('healthcheck', 'c2', 'shop'))?.spec.port).toBe(2);
    await rm(at('twice.yaml'));
    await told('one again', ({ ready }) => ready);
  });

  it('a folder that is renamed changes no object', async () => {
    const before = await written();
    await rename(at('shop'), at('store'));
    await put('mark.yaml', check('mark', 97));
    await until('the mark', () => stored('healthcheck', 'mark', 'shop'), 10_000);
    await told('all well', ({ ready, objects }) => ready && objects.applied === 12);
    const after = await written();
    expect(after.slice(before.length)).toEqual(['create HealthCheck/mark']);
  });

  it('a commit that git-sync swaps in is applied as a whole', async () => {
    commits += 1;
    const next = String(commits).repeat(40);
    const worktree = join(folder, 'sync', '.worktrees', next);
    await mkdir(worktree, { recursive: true });
    await writeFile(
      join(worktree, 'clusters.yaml'),
      [cluster('de', 'DE', '198.51.100.1'), cluster('fr', 'FR', '198.51.100.3')].join('---\n'),
    );
    await writeFile(join(worktree, 'web.yaml'), policy(['de', 'fr']));
    await writeFile(
      join(worktree, 'checks.yaml'),
      [1, 2, 3, 4, 5, 6, 7].map((n) => check(`c${n}`, n)).join('---\n'),
    );
    await symlink(join('.worktrees', next), join(folder, 'sync', 'next'));
    await rename(join(folder, 'sync', 'next'), current);
    const swapped = await told('the new commit', ({ revision, ready }) => ready && revision === next);
    expect(swapped.managed).toBe(10);
    expect((await stored('cluster', 'fr'))?.spec.addresses).toEqual(['198.51.100.3']);
    expect(await stored('healthcheck', 'mark', 'shop')).toBeUndefined();
  });

  it('I7 a change that takes the last capacity is held, survives kill -9, and passes only when approved', async () => {
    await put('web.yaml', policy(['de']));
    const held = await told('the held change', ({ objects }) => objects.held === 1);
    const id = held.held[0]?.id ?? '';
    expect(held).toMatchObject({ ready: false, held: [{ verb: 'update', origin: 'web.yaml:1' }] });
    expect((await portolan('source', 'held')).out).toMatch(
      new RegExp(`^${id} +update +trafficpolicy/web +default .*CHANGE_BUDGET_EXCEEDED`, 'm'),
    );
    await hub?.kill();
    await rm(statusFile);
    await start();
    const again = await told('after the crash', ({ objects }) => objects.held === 1).catch(async (thrown) => {
      throw new Error(`${thrown}: ${hub?.said()}`);
    });
    expect(again.held[0]?.id).toBe(id);
    expect((await stored('trafficpolicy', 'web'))?.spec.endpoints).toHaveLength(2);

    // The id stands for this change: once the document says something else, it lets nothing through.
    await put('web.yaml', policy(['fr']));
    const other = await told('the other change', (now) => now.held[0] !== undefined && now.held[0].id !== id);
    const late = await portolan('source', 'approve', id, '--reason', 'France closes');
    expect(late.code).not.toBe(0);
    expect(late.err).toContain(`no change ${id} is held`);
    expect(other.held).toHaveLength(1);
    expect((await stored('trafficpolicy', 'web'))?.spec.endpoints).toHaveLength(2);
    await put('web.yaml', policy(['de']));
    await told('the first change again', ({ held: now }) => now[0]?.id === id);

    expect((await portolan('source', 'approve', id, '--reason', 'France closes')).code).toBe(0);
    await told('nothing held', ({ ready }) => ready);
    expect((await stored('trafficpolicy', 'web'))?.spec.endpoints).toHaveLength(1);
    expect((await portolan('events', '--limit', '10')).out).toContain(
      `approved for git-folder (${id}): France closes`,
    );
  });

  it('I7 too many removals are held together, and a folder that is empty or gone removes nothing', async () => {
    await rename(at('checks.yaml'), join(folder, 'checks.yaml'));
    const pruned = await told('the held removals', ({ objects }) => objects.held === 7);
    expect(new Set(pruned.held.map(({ id }) => id)).size).toBe(1);
    await rename(join(folder, 'checks.yaml'), at('checks.yaml'));
    await told('nothing held', ({ ready }) => ready);

    // One document alone, but with it the last answer of a hostname would go.
    await rename(at('web.yaml'), join(folder, 'web.yaml'));
    const lost = await told('the held removal', ({ objects }) => objects.held === 1);
    expect(lost).toMatchObject({
      held: [{ verb: 'delete' }],
      problems: [
        {
          object: 'TrafficPolicy default/web',
          message: containing('www.example.com. would be answered by nobody'),
        },
      ],
    });
    const id = lost.held[0]?.id ?? '';
    expect(pruned.held.map((one) => one.id)).not.toContain(id);
    expect(await stored('trafficpolicy', 'web')).toBeDefined();
    expect((await portolan('source', 'approve', id, '--reason', 'the shop is closed')).code).toBe(0);
    await told('it is gone', ({ ready, managed }) => ready && managed === 9);
    expect(await stored('trafficpolicy', 'web')).toBeUndefined();
    await rename(join(folder, 'web.yaml'), at('web.yaml'));
    await told('it is made again', ({ ready, managed }) => ready && managed === 10);

    await rename(current, join(folder, 'sync', 'away'));
    const gone = await told('the folder is gone', ({ ready }) => !ready);
    expect(gone.problems[0]?.message).toContain('nothing is removed');
    await mkdir(current);
    await told('the folder is empty', ({ problems }) => problems[0]?.message.includes('no object') === true);
    expect(await stored('trafficpolicy', 'web')).toBeDefined();
    await rm(current, { recursive: true });
    await rename(join(folder, 'sync', 'away'), current);
    expect((await told('it is back', ({ ready }) => ready)).managed).toBe(10);
  });

  it('an admin takes an object over with a reason; the folder leaves it alone until it is given back', async () => {
    await writeFile(join(folder, 'edit.yaml'), check('c1', 11));
    expect((await portolan('apply', '-f', join(folder, 'edit.yaml'), '--take-over')).err).toContain(
      '--reason',
    );
    const argv = ['apply', '-f', join(folder, 'edit.yaml'), '--take-over', '--reason', 'it burns'];
    expect((await portolan(...argv)).code).toBe(0);
    await put('mark.yaml', check('mark', 97));
    const conflict = await told(
      'the conflict',
      ({ objects }) => objects.conflict === 1 && objects.applied === 10,
    );
    expect(conflict.problems[0]).toMatchObject({ object: 'HealthCheck shop/c1', origin: 'checks.yaml:1' });
    expect((await stored('healthcheck', 'c1', 'shop'))?.spec.port).toBe(11);
    expect((await portolan('events', '-n', 'shop', '--limit', '50')).out).toContain('taken over: it burns');
    expect((await portolan('source', 'return', 'healthcheck', 'c1', '-n', 'shop')).code).toBe(0);
    await told('in sync', ({ ready }) => ready);
    expect((await stored('healthcheck', 'c1', 'shop'))?.spec.port).toBe(1);
  });

  it('what a person made through the API is left alone, and named', async () => {
    await writeFile(join(folder, 'edit.yaml'), check('mine', 5));
    expect((await portolan('apply', '-f', join(folder, 'edit.yaml'))).code).toBe(0);
    await put('mine.yaml', check('mine', 6));
    const conflict = await told('the conflict', ({ objects }) => objects.conflict === 1);
    expect(conflict.unmanaged).toEqual(['HealthCheck shop/mine']);
    await put(
      'mine.yaml',
      check('mine', 6).replace(
        'namespace: shop',
        'namespace: shop, annotations: { portolan.dev/adopt: "true" }',
      ),
    );
    await told('adopted', ({ ready, managed }) => ready && managed === 12);
    expect((await stored('healthcheck', 'mine', 'shop'))?.spec.port).toBe(6);
  });
});
