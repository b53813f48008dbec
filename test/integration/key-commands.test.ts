import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { type HubProcess, startHub } from '../support/hub-process.ts';
import { containing } from '../support/matchers.ts';

describe('portolan key', () => {
  let folder: string;
  let hub: HubProcess | undefined;
  let token: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portolan-keys-'));
    const home = join(folder, 'home');
    const made = await runCli(['init', '--dir', home], { folder });
    expect(made.code).toBe(0);
    hub = await startHub(home);
    token = (await readFile(join(home, 'admin.token'), 'utf8')).trim();
  });
  afterAll(async () => {
    await hub?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const portolan = (...argv: readonly string[]) =>
    runCli(argv, { folder, env: { PORTOLAN_SERVER: hub?.api ?? '', PORTOLAN_TOKEN: token } });

  it('makes a key that is shown once, rotates it with an overlap, and revokes it', async () => {
    const created = await portolan(
      'key',
      'create',
      'partner-a',
      '--role',
      'reader',
      '--ttl',
      '90d',
      '-o',
      'json',
    );
    // Nothing takes a key here, and that is said.
    expect(created).toMatchObject({ code: 0, err: containing('nothing takes this key') });
    const { id, key } = JSON.parse(created.out) as { id: string; key: string };
    expect(key).toMatch(/^ptk_[\w-]{32}$/);
    const rotated = await portolan('key', 'rotate', id, '--overlap', '1h', '-o', 'name');
    expect(rotated.out.trim()).toMatch(/^ptk_[\w-]{32}$/);
    expect((await portolan('key', 'revoke', id, '--reason', 'leaked')).out).toBe(
      `key ${id} of partner-a revoked\n`,
    );
    const listed = await portolan('key', 'list', '--principal', 'partner-a');
    expect(listed.out.split('\n').filter((line) => line.startsWith('k-'))).toHaveLength(2);
    const described = await portolan('key', 'describe', id);
    expect(described.out).toMatch(/State: +revoked/);
    expect(described.out).toContain('no cluster takes keys of namespace default');
    for (const { out } of [listed, described]) expect(out).not.toContain(key);
    expect(await portolan('key', 'describe', 'k-aaaaaaaaaa')).toMatchObject({
      code: 1,
      err: expect.stringContaining('KEY_NOT_FOUND') as string,
    });
  });

  it('deletes a key that may no longer be used, and no other', async () => {
    const { id, key } = JSON.parse((await portolan('key', 'create', 'partner-b', '-o', 'json')).out) as {
      id: string;
      key: string;
    };
    const early = await portolan('key', 'delete', id);
    expect(early).toMatchObject({ code: 1, out: '' });
    expect(early.err).toContain('CONFLICT');
    expect(early.err).toContain(`portolan key revoke ${id}`);
    expect((await portolan('key', 'revoke', id)).code).toBe(0);
    const deleted = await portolan('key', 'delete', id);
    expect(deleted).toMatchObject({ code: 0, err: '' });
    expect(deleted.out).toContain(id);
    expect((await portolan('key', 'list', '--principal', 'partner-b')).out).not.toContain(id);
    const gone = await portolan('key', 'delete', id);
    expect(gone).toMatchObject({ code: 1, err: containing('KEY_NOT_FOUND') });
    for (const { out, err } of [early, deleted, gone]) expect(out + err).not.toContain(key);
    expect((await portolan('key', 'delete')).code).not.toBe(0);
  });

  it('imports more than a step takes, also when its keys are long', async () => {
    const long = {
      attributes: Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`a${i}`, 'x'.repeat(500)])),
    };
    const lines = Array.from({ length: 2_100 }, (_, i) =>
      JSON.stringify({ key: `${'k'.repeat(30)}${i}-0123456789abcdef`, principal: 'many', ...long }),
    );
    await writeFile(join(folder, 'many.jsonl'), lines.join('\n'));
    const done = await portolan('key', 'import', 'many.jsonl');
    expect(done.err).not.toContain('TOO_LARGE');
    expect(done).toMatchObject({ code: 0, out: '2100 keys imported into namespace default\n' });
  });

  it('imports JSON lines and CSV, warns of weak keys, and never prints one', async () => {
    await writeFile(join(folder, 'keys.jsonl'), '{"key":"hunter2-hunter2","principal":"a"}\n');
    await writeFile(
      join(folder, 'keys.csv'),
      'key,principal,roles,labels\n3f9c0b1e5d7a48c2a1b6e0d49f7c8a52,"b, inc",reader;writer,team=shop\n',
    );
    const lines = await portolan('key', 'import', 'keys.jsonl');
    expect(lines).toMatchObject({ code: 0, out: '1 key imported into namespace default\n' });
    expect(lines.err).toContain('short enough to be guessed');
    expect((await portolan('key', 'import', 'keys.csv')).code).toBe(0);
    const listed = await portolan('key', 'list', '--label', 'team=shop', '-o', 'json');
    expect(listed.out).toContain('"b, inc"');
    const again = await portolan('key', 'import', 'keys.jsonl');
    expect(again.code).not.toBe(0);
    expect(again.err).toContain('ALREADY_EXISTS');
    expect(again.err + lines.err + lines.out).not.toContain('hunter2');
  });

  it('does not guess which of two columns or keys is meant', async () => {
    await writeFile(
      join(folder, 'twice.csv'),
      'key,principal,principal\nkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk,a,b\n',
    );
    expect((await portolan('key', 'import', 'twice.csv')).err).toContain('names a column twice');
    const line = '{"key":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm","principal":"a"}\n';
    await writeFile(join(folder, 'same.jsonl'), line + line);
    const same = await portolan('key', 'import', 'same.jsonl');
    expect(same).toMatchObject({ code: 1, out: '' });
    expect(same.err).toContain('keys 1 and 2 of the list are the same');
    expect(same.err).toContain('Leave one of them out.');
  });

  it('says what is wrong with a question about usage or a route', async () => {
    expect((await portolan('usage', '--from', 'yesterday')).err).toContain('--from "yesterday" is no time');
    expect((await portolan('explain', 'route')).err).toContain('needs the name of a route');
    const unknown = await portolan('explain', 'route', 'api');
    expect(unknown.err).toContain('No gateway has a rule of default/api');
    expect((await portolan('explain', 'route', 'shop.example/cart')).err).toContain('answered 404');
    const limited = await portolan('explain', 'route', 'shop.example/cart', '--rule', 'x');
    expect(limited.err).toContain('With --rule x nothing is left of shop.example/cart');
    expect([unknown.code, limited.code]).toEqual([1, 1]);
  });
});
