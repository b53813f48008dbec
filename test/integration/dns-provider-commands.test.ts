import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { askNameServer } from '../../nameserver/ask.ts';
import { parseName } from '../../src/dns/name.ts';
import { formatRdata } from '../../src/dns/records/catalogue.ts';
import { TYPE } from '../../src/dns/types.ts';
import { type Ran, runCli } from '../support/cli.ts';
import { type HubProcess, startHub } from '../support/hub-process.ts';
import { type Primary, startUpdatableBind } from '../support/primaries.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';

/* What the guides of DNS providers tell people to type, from the first command to the rollback, with a real hub and a real BIND. */

const suite = 'DNS provider commands with BIND';
const named = await requireServer('named', suite);

const condition = z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() });
const WWW = parseName('www.example.com');
const SHOP = parseName('shop.example.com');
const KEY = {
  name: 'portolan.',
  algorithm: 'hmac-sha256',
  secret: randomBytes(32).toString('base64'),
};
const ZONE_FILE = `$ORIGIN example.com.
$TTL 300
@ IN SOA ns1.example.com. hostmaster.example.com. 1 7200 900 1209600 300
@ IN NS ns1.example.com.
ns1 IN A 127.0.0.1
www IN A 198.51.100.7
www IN MX 20 mx.example.net.
mail IN MX 10 mx.example.net.
geo IN NS old.example.net.
`;

describe.skipIf(!named.available)(suite, () => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-provider-cli-'));
  let bind: Primary;
  let hub: HubProcess;
  let env: Readonly<Record<string, string>>;

  const portolan = (...argv: readonly string[]): Promise<Ran> => runCli(argv, { folder, env });

  /** Runs a command that has to do well. */
  async function well(...argv: readonly string[]): Promise<string> {
    const { code, out, err } = await portolan(...argv);
    expect({ argv, code, err }).toEqual({ argv, code: 0, err });
    return out;
  }

  async function addresses(name: ReturnType<typeof parseName>): Promise<readonly string[]> {
    const reply = await askNameServer({
      host: '127.0.0.1',
      port: bind.port,
      name,
      type: TYPE.A,
      timeoutMs: 2000,
    });
    return reply.answers.map(({ data }) => data).sort();
  }

  async function programmed(): Promise<
    { readonly status: string; readonly reason: string; readonly message: string } | undefined
  > {
    const { status } = z
      .object({ status: z.object({ conditions: z.array(condition) }) })
      .parse(JSON.parse(await well('get', 'policy', 'web', '-o', 'json')));
    return status.conditions.find(({ type }) => type === 'Programmed');
  }

  const policy = (hostnames: readonly string[], frankfurt: string) => `apiVersion: portolan.dev/v1alpha1
kind: TrafficPolicy
metadata: { name: web }
spec:
  hostnames: [${hostnames.join(', ')}]
  endpoints:
    - { name: frankfurt, cluster: frankfurt, addresses: ["${frankfurt}"] }
    - { name: paris, cluster: paris, addresses: ["203.0.113.9"] }
  routing:
    default:
      tiers: [{ members: [{ endpoint: frankfurt }, { endpoint: paris }] }]
`;

  beforeAll(async () => {
    if (!named.available) return;
    bind = await startUpdatableBind(named.path, {
      folder: mkdtempSync(join(folder, 'bind-')),
      zones: [{ origin: 'example.com.', zoneFile: ZONE_FILE }],
      key: KEY,
    });
    const home = join(folder, 'hub');
    const made = await portolanInit(home);
    expect(made.code).toBe(0);
    hub = await startHub(home);
    env = { PORTOLAN_SERVER: hub.api, PORTOLAN_TOKEN_FILE: join(home, 'admin.token') };
  });
  afterAll(async () => {
    await hub?.stop();
    await bind?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const portolanInit = (home: string): Promise<Ran> => runCli(['init', '--dir', home], { folder });

  it('take a policy to a zone that holds records of others, and back', async () => {
    writeFileSync(
      join(folder, 'bind.yaml'),
      `apiVersion: portolan.dev/v1alpha1
kind: Secret
metadata: { name: bind-key }
spec:
  stringData: { name: "${KEY.name}", algorithm: ${KEY.algorithm}, secret: "${KEY.secret}" }
---
apiVersion: portolan.dev/v1alpha1
kind: DNSProvider
metadata: { name: bind }
spec:
  zones: [{ origin: example.com }]
  rfc2136: { server: 127.0.0.1, port: ${bind.port}, tsigSecret: bind-key }
  verify: { servers: [{ address: 127.0.0.1, port: ${bind.port} }] }
---
apiVersion: portolan.dev/v1alpha1
kind: Cluster
metadata: { name: frankfurt }
spec: { location: { country: DE }, addresses: ["203.0.113.7"] }
---
apiVersion: portolan.dev/v1alpha1
kind: Cluster
metadata: { name: paris }
spec: { location: { country: FR }, addresses: ["203.0.113.9"] }
`,
    );
    const first = policy(['www.example.com', 'shop.example.com'], '203.0.113.7');
    writeFileSync(join(folder, 'web.yaml'), first);
    await well('apply', '-f', 'bind.yaml');
    await until(
      'the provider is well',
      async () => (await portolan('provider', 'check', 'bind')).code === 0,
      20_000,
    );
    expect(await well('provider', 'check', 'bind')).toContain('all well');
    expect(await well('zone', 'list', '--provider', 'bind')).toMatch(/^example\.com\. .* yes/m);

    // What it would write is seen before it is applied.
    const { value: planned } = await until(
      'the plan knows the zone',
      async () => {
        const out = await well('plan', '-f', 'web.yaml');
        return out.includes('+ shop.example.com. A') && out;
      },
      20_000,
    );
    expect(planned).toContain('! www.example.com. waits (RECORDS_FOREIGN)');
    await well('apply', '-f', 'web.yaml');

    await until(
      'shop is published',
      async () => (await addresses(SHOP)).join() === '203.0.113.7,203.0.113.9',
      20_000,
    );
    // Somebody else's record stands until it is given to us.
    expect(await addresses(WWW)).toEqual(['198.51.100.7']);
    const stuck = await portolan('provider', 'plan', 'bind');
    expect(stuck.code).toBe(1);
    expect(stuck.out).toContain('portolan adopt www.example.com');

    const preview = await well('adopt', 'www.example.com', '--dry-run');
    expect(preview).toMatch(/- .*198\.51\.100\.7/);
    expect(preview).toMatch(/\+ .*203\.0\.113\.7/);
    expect(await addresses(WWW)).toEqual(['198.51.100.7']);
    await well('adopt', 'www.example.com', '--yes', '--reason', 'moving');
    await until(
      'www is adopted',
      async () => (await addresses(WWW)).join() === '203.0.113.7,203.0.113.9',
      20_000,
    );
    await until(
      'every server agrees',
      async () =>
        (await portolan('provider', 'plan', 'bind')).out.includes('every authoritative server agrees'),
      20_000,
    );
    const explained = await well('explain', 'www.example.com');
    expect(explained).toContain('plain records that the hub changes');
    expect(explained).toContain('hub away:');

    // The zone as a file has what is there, and not what the hub keeps for itself.
    const file = await well('zone', 'export', 'example.com', '--provider', 'bind');
    expect(file).toMatch(/^mail .*MX 10 mx\.example\.net\.$/m);
    expect(file).not.toContain('heritage');
    const imported = await well('zone', 'import', 'example.com', '--provider', 'bind', '--dry-run');
    expect(imported).toMatch(/kind: Zone[\s\S]*mx\.example\.net/);
    // Ours are the addresses of www alone.
    expect(imported).toMatch(/name: www\n +type: MX/);

    // A mistake, and the way back.
    const generation = Number(/\(generation (\d+)/.exec(await well('provider', 'plan', 'bind'))?.[1]);
    writeFileSync(join(folder, 'web.yaml'), policy(['www.example.com', 'shop.example.com'], '203.0.113.99'));
    await well('apply', '-f', 'web.yaml');
    await until(
      'the mistake is published',
      async () => (await addresses(WWW)).join() === '203.0.113.9,203.0.113.99',
      20_000,
    );
    expect(await well('provider', 'history', 'bind')).toMatch(new RegExp(`^${generation} `, 'm'));
    const back = await well('rollback', 'bind', '--to', String(generation), '--dry-run');
    expect(back).toContain(
      `would go back to generation ${generation}; nothing is written now, this would be:`,
    );
    expect(back).toMatch(/~ www\.example\.com\. A .*203\.0\.113\.99 → .*203\.0\.113\.7/);
    expect(await addresses(WWW)).toEqual(['203.0.113.9', '203.0.113.99']);
    await well('rollback', 'bind', '--to', String(generation), '--reason', 'www was wrong');
    await until(
      'it is undone',
      async () => (await addresses(WWW)).join() === '203.0.113.7,203.0.113.9',
      20_000,
    );
    // The policy still has the mistake: that it is not published is said, with what the end of the hold would write.
    const heldPlan = await portolan('provider', 'plan', 'bind');
    expect(heldPlan.code).toBe(1);
    expect(heldPlan.out).toContain(
      `held at generation ${generation} by a rollback; \`portolan provider resume\` ends that and writes:`,
    );
    const again = /~ www\.example\.com\. A .*203\.0\.113\.7.* → .*203\.0\.113\.99/;
    expect(heldPlan.out).toMatch(again);
    expect(await well('provider', 'resume', 'bind', '--dry-run')).toMatch(again);
    await until(
      'the policy is held',
      async () => {
        const held = await programmed();
        return (
          held?.status === 'False' &&
          held.reason === 'Held' &&
          held.message.includes(`at generation ${generation}`)
        );
      },
      20_000,
    );
    expect((await programmed())?.message).toContain(
      '`portolan provider resume default/bind --zone example.com`',
    );
    writeFileSync(join(folder, 'web.yaml'), first);
    // Both addresses changed within minutes: more than the budget of changes lets through by itself.
    await well('apply', '-f', 'web.yaml', '--force', '--reason', 'as it was');
    await until('nothing is held back', async () => (await programmed())?.status === 'True', 20_000);
    expect(await well('provider', 'plan', 'bind')).toContain('ends that and writes nothing');
    await well('provider', 'resume', 'bind');

    // The hostname goes, and with it our records alone.
    writeFileSync(join(folder, 'web.yaml'), policy(['shop.example.com'], '203.0.113.7'));
    await well('apply', '-f', 'web.yaml');
    await until('www is gone', async () => (await addresses(WWW)).length === 0, 20_000);
    expect(await well('zone', 'export', 'example.com', '--provider', 'bind')).toMatch(/^mail /m);
    expect(await addresses(SHOP)).toEqual(['203.0.113.7', '203.0.113.9']);
  });

  it('say what removals wait, let them go by their hash, and say that a frozen provider waits', async () => {
    const many = Array.from({ length: 6 }, (_, i) => `n${i}.example.com`);
    const first = parseName('n0.example.com');
    const last = parseName('n5.example.com');
    writeFileSync(join(folder, 'many.yaml'), policy(many, '203.0.113.7').replace('name: web', 'name: many'));
    await well('apply', '-f', 'many.yaml');
    await until('all are published', async () => (await addresses(last)).length === 2, 20_000);
    writeFileSync(
      join(folder, 'many.yaml'),
      policy(many.slice(0, 1), '203.0.113.7').replace('name: web', 'name: many'),
    );
    await well('apply', '-f', 'many.yaml', '--force', '--reason', 'fewer');
    const { value: waits } = await until(
      'the removals wait',
      async () => {
        const { out } = await portolan('provider', 'plan', 'bind');
        return out.includes('waits for approval') && out;
      },
      20_000,
    );
    expect(waits.match(/names of example\.com would be removed/g)).toHaveLength(1);
    expect(waits).toMatch(/- n5\.example\.com\. A 30 203\.0\.113\.7, 203\.0\.113\.9/);
    const [, hash = ''] =
      /portolan provider approve default\/bind --zone example\.com --plan ([0-9a-f]{16})/.exec(waits) ?? [];
    const approve = ['provider', 'approve', 'default/bind', '--zone', 'example.com', '--plan', hash] as const;
    expect(await well(...approve, '--dry-run')).toContain('would be approved, and this would go:');
    expect(await addresses(last)).toHaveLength(2);
    const approved = await well(...approve);
    expect(approved).toContain(`plan ${hash} of example.com. is approved, and this goes now:`);
    expect(approved).toMatch(/- n5\.example\.com\. A /);
    await until('they are gone', async () => (await addresses(last)).length === 0, 20_000);
    expect(await addresses(first)).toHaveLength(2);

    const freeze = (frozen: boolean) => {
      const text = readFileSync(join(folder, 'bind.yaml'), 'utf8').replace(
        '  zones: [{ origin: example.com }]\n',
        `  zones: [{ origin: example.com }]\n  frozen: ${frozen}\n`,
      );
      writeFileSync(join(folder, 'frozen.yaml'), text);
      return well('apply', '-f', 'frozen.yaml');
    };
    await freeze(true);
    await well('delete', 'policy', 'many');
    await until(
      'the removal waits for the thaw',
      async () => {
        const { code, out } = await portolan('provider', 'plan', 'bind');
        return code === 1 && /frozen: .*`spec\.frozen: false`[\s\S]*- n0\.example\.com\. A/.test(out);
      },
      20_000,
    );
    expect(await addresses(first)).toHaveLength(2);
    await freeze(false);
    await until('it is gone', async () => (await addresses(first)).length === 0, 20_000);
  });

  it('ask other servers at once when `spec.verify.servers` changes, and say who is still behind', async () => {
    const servers = (port: number) => {
      const text = readFileSync(join(folder, 'bind.yaml'), 'utf8').replace(
        /verify: .*/,
        `verify: { servers: [{ address: 127.0.0.1, port: ${port} }] }`,
      );
      writeFileSync(join(folder, 'servers.yaml'), text);
      return well('apply', '-f', 'servers.yaml');
    };
    // Nothing listens there.
    await servers(1);
    await until(
      'the silent server is named',
      async () =>
        (await portolan('provider', 'plan', 'bind')).out.includes('not verified yet: 127.0.0.1 port 1: '),
      20_000,
    );
    await servers(bind.port);
    await until(
      'the right one agrees',
      async () => {
        const { out } = await portolan('provider', 'plan', 'bind');
        if (!out.includes('every authoritative server agrees')) throw new Error(out);
        return true;
      },
      20_000,
    );
  });

  it('delegate a name to the embedded name servers, and take it back', async () => {
    const zone = (delegation: string) => `apiVersion: portolan.dev/v1alpha1
kind: Zone
metadata: { name: geo }
spec:
  origin: geo.example.com
  nameServers:
    - { name: ns1.geo.example.com, addresses: [198.51.100.53] }
    - { name: ns2.geo.example.com, addresses: [203.0.113.53] }
${delegation}`;
    /** What BIND refers a resolver to. */
    const referral = async (): Promise<readonly string[]> => {
      const { message } = await askNameServer({
        host: '127.0.0.1',
        port: bind.port,
        name: parseName('www.geo.example.com'),
        type: TYPE.A,
        timeoutMs: 2000,
      });
      const records = [...message.authorities, ...message.additionals];
      return records
        .filter(({ type }) => type === TYPE.NS || type === TYPE.A)
        .map(({ name, rdata }) => `${name} ${formatRdata(rdata)}`)
        .sort();
    };
    writeFileSync(join(folder, 'geo.yaml'), zone('  delegation: { provider: bind }\n'));
    await well('apply', '-f', 'geo.yaml');
    // Somebody delegated it elsewhere already.
    await until(
      'the delegation waits',
      async () => (await portolan('provider', 'plan', 'bind')).out.includes('portolan adopt geo.example.com'),
      20_000,
    );
    expect(await referral()).toEqual(['geo.example.com. old.example.net.']);
    expect(await well('adopt', 'geo.example.com', '--yes')).toMatch(/- .*NS 300 old\.example\.net\./);
    const led = [
      'geo.example.com. ns1.geo.example.com.',
      'geo.example.com. ns2.geo.example.com.',
      'ns1.geo.example.com. 198.51.100.53',
      'ns2.geo.example.com. 203.0.113.53',
    ];
    await until('BIND delegates', async () => (await referral()).join() === led.join(), 20_000);
    const toOurs = 'at default/bind (zone example.com.): delegated to the embedded name servers';
    expect(await well('explain', 'geo.example.com')).toContain(`geo.example.com. ${toOurs}`);
    writeFileSync(
      join(folder, 'below.yaml'),
      policy(['www.geo.example.com'], '203.0.113.7').replace('name: web', 'name: below'),
    );
    await well('apply', '-f', 'below.yaml');
    expect(await well('explain', 'www.geo.example.com')).toContain(`www.geo.example.com. ${toOurs}`);
    await well('delete', 'policy', 'below');
    writeFileSync(join(folder, 'geo.yaml'), zone(''));
    await well('apply', '-f', 'geo.yaml');
    await until('the delegation is gone', async () => (await referral()).length === 0, 20_000);
    expect(await addresses(SHOP)).toEqual(['203.0.113.7', '203.0.113.9']);
  });
});
