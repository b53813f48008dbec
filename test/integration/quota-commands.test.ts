import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import { type HubProcess, startHub } from '../support/hub-process.ts';
import { until } from '../support/until.ts';

const POLICY = `apiVersion: portolan.dev/v1alpha1
kind: RateLimitPolicy
metadata: { name: customers }
spec:
  targetRefs: [{ kind: Gateway, name: shop }]
  rules:
    limits:
      per-customer:
        counters: [auth.identity.id]
        rates: [{ limit: 5, window: 1h }]
`;
const NAME = 'customers/per-customer/3600s';

describe('portolan quota', () => {
  let folder: string;
  let hub: HubProcess | undefined;
  let token: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'portolan-quota-'));
    const home = join(folder, 'home');
    expect((await runCli(['init', '--dir', home], { folder })).code).toBe(0);
    hub = await startHub(home);
    token = (await readFile(join(home, 'admin.token'), 'utf8')).trim();
    await writeFile(join(folder, 'limits.yaml'), POLICY);
  });
  afterAll(async () => {
    await hub?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const portolan = (...argv: readonly string[]) =>
    runCli(argv, { folder, env: { PORTOLAN_SERVER: hub?.api ?? '', PORTOLAN_TOKEN: token } });
  const metric = async (name: string): Promise<string | undefined> => {
    const text = await fetch(`${hub?.api}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    return new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(await text.text())?.[1];
  };

  it('shows that nothing is limited, then a limit that nobody uses', async () => {
    expect(await portolan('quota', 'get')).toEqual({
      code: 0,
      out: 'No limits: apply a RateLimitPolicy.\n',
      err: '',
    });
    expect(await metric('portolan_quota_limits')).toBe('0');
    expect((await portolan('apply', '-f', join(folder, 'limits.yaml'))).code).toBe(0);
    await until('the limit', async () => (await metric('portolan_quota_limits')) === '1', 10_000);
    const { out } = await portolan('quota', 'get', 'customers');
    expect(out.split('\n')[1]?.split(/ {3,}/).slice(0, 4)).toEqual([NAME, '-', 'not in use', '5']);
  });

  it('gives one key another limit for a while, explains it, and takes it back', async () => {
    const set = await portolan(
      ...['quota', 'set', 'customers', 'acme', '500', '--for', '2h', '--reason', 'their sale'],
    );
    expect(set).toMatchObject({ code: 0, out: '' });
    expect(set.err).toMatch(new RegExp(`^acme of ${NAME} may have 500 hits until \\d{4}-.*Z\n$`));
    const explained = await portolan('quota', 'explain', 'customers', 'acme');
    expect(explained.out).toMatch(/an operator set it to 500 for this key until .*; the policy says 5\n/);
    expect(explained.out.trimEnd().split('\n').at(-1)).toBe('the hub grants up to 500 more');
    const shown = await portolan('quota', 'get', '--key', 'acme', '-o', 'json');
    expect(JSON.parse(shown.out)).toMatchObject({
      items: [{ limit: NAME, keys: [{ key: 'acme', hits: 500 }] }],
    });
    expect((await portolan('quota', 'set', 'customers', 'acme', '--end')).err).toBe(
      `the policy holds again for acme of ${NAME}\n`,
    );
    const after = await portolan('quota', 'explain', 'customers', 'acme');
    expect(after.out).toContain('the hub grants up to 5 more');
    expect((await portolan('quota', 'reset', 'customers', 'acme')).err).toBe(
      `0 hits of acme of ${NAME} forgotten\n`,
    );
    const audit = (await portolan('events', '--limit', '20')).out;
    expect(audit).toMatch(/quota\.set +ratelimitpolicy default\/customers .* their sale/);
    expect(audit).toMatch(/quota\.reset +ratelimitpolicy default\/customers/);
  });

  it.each([
    [['quota', 'set', 'customers', 'acme', '500'], 'USAGE', '--for 2h'],
    [['quota', 'set', 'customers', 'acme', '5', '--end'], 'USAGE', 'Leave one of them out'],
    [['quota', 'explain', 'nothing'], 'NOT_FOUND', NAME],
  ])('%j is refused with what to do', async (argv, code, fix) => {
    const { err, code: exit } = await portolan(...argv);
    expect(exit).not.toBe(0);
    expect(err).toContain(code);
    expect(err).toContain(fix);
  });

  it('the book of limits goes when the last limit does', async () => {
    expect((await portolan('delete', 'ratelimitpolicy', 'customers')).code).toBe(0);
    await until('no limit', async () => (await metric('portolan_quota_limits')) === '0', 10_000);
    await until('no page', async () => (await metric('portolan_quota_pages')) === '0', 10_000);
    expect((await portolan('quota', 'get')).out).toBe('No limits: apply a RateLimitPolicy.\n');
  });
});
