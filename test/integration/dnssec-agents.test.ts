import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askNameServer } from '../../nameserver/ask.ts';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import type { ZoneDnssecStatus } from '../../src/resources/zone-dnssec-status.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import { AGENTS, type Installation, startInstallation } from './dnssec-agents/installation.ts';
import { type Resolver, startUnbound } from './dnssec-answers/validators.ts';

const SUITE = 'signed routed answers of two agents, validated by unbound while keys roll';
const unbound = await requireServer('unbound', SUITE);

const NAME = 'www.child.parent.test';
/** Short, so that a roll takes seconds: every step waits for the longest TTL and two seconds more. */
const TTL = 2;

describe.skipIf(!unbound.available)(SUITE, () => {
  let at: Installation;
  let resolvers: readonly Resolver[];

  /** The parent lies on the same name servers; it is the child's parent all the same. */
  const parentZone = (ds: ZoneDnssecStatus['ds']) => ({
    kind: 'Zone',
    metadata: { name: 'parent' },
    spec: {
      origin: 'parent.test',
      nameServers: [{ name: 'ns.parent.test', addresses: ['127.0.0.1'] }],
      ttlSeconds: TTL,
      soa: { minimumSeconds: TTL },
      dnssec: {},
      records: [
        { name: 'child', type: 'NS', data: ['ns.parent.test.'] },
        ...(ds.length === 0
          ? []
          : [
              {
                name: 'child',
                type: 'DS',
                data: ds.map((d) => `${d.keyTag} ${d.algorithm} ${d.digestType} ${d.digest}`),
              },
            ]),
      ],
    },
  });
  const childZone = (dnssec: object) => ({
    kind: 'Zone',
    metadata: { name: 'child' },
    spec: {
      origin: 'child.parent.test',
      nameServers: [{ name: 'ns.parent.test' }],
      ttlSeconds: TTL,
      soa: { minimumSeconds: TTL },
      ...dnssec,
    },
  });
  const policy = {
    kind: 'TrafficPolicy',
    metadata: { name: 'www' },
    spec: {
      hostnames: [NAME],
      ttlSeconds: TTL,
      minTtlSeconds: 1,
      endpoints: AGENTS.map((name) => ({ name, cluster: name })),
      routing: { default: { tiers: [{ members: AGENTS.map((endpoint) => ({ endpoint })) }] } },
    },
  };

  beforeAll(async () => {
    at = await startInstallation((port) => ({
      'parent.test': [`127.0.0.1:${port}`],
      'child.parent.test': [`127.0.0.1:${port}`],
    }));
    await at.apply(parentZone([]), childZone({ dnssec: {} }), policy);
    await at.untilServed();
    const parent = await at.untilState('parent', 'awaiting-ds');
    // Nothing is above this parent here: its DS is the resolvers' trust anchor.
    await at.client.confirmZoneDs({ namespace: 'default', name: 'parent' }, { reason: 'trust anchor' });
    const anchor = parent.ds
      .map((d) => `parent.test. IN DS ${d.keyTag} ${d.algorithm} ${d.digestType} ${d.digest}`)
      .join('\n');
    const child = await at.untilState('child', 'awaiting-ds');
    await at.apply(parentZone(child.ds));
    await at.untilState('child', 'signed');
    await at.untilServed();
    const zones = ['parent.test', 'child.parent.test'];
    // One resolver for each agent, one that asks both, and one of these without a cache: it sees every step at once.
    const [east = 0, west = 0] = at.agentPorts;
    const choices: readonly (readonly [readonly number[], readonly string[]])[] = [
      [[east], []],
      [[west], []],
      [[east, west], []],
    ];
    resolvers = await Promise.all(
      choices.map(([ports, more], i) =>
        startUnbound(
          unbound.available ? unbound.path : '',
          join(at.folder, `unbound-${i}`),
          anchor,
          zones.map((zone) => ({ zone, ports })),
          more,
        ),
      ),
    );
  }, 300_000);

  afterAll(async () => {
    await Promise.all((resolvers ?? []).map((resolver) => resolver.stop()));
    await at?.close();
  });

  const expectAuthentic = async (name: string, type = 'A'): Promise<void> => {
    for (const resolver of resolvers) {
      const { rcode, authentic } = await resolver.ask(name, type);
      expect({ name, type, rcode, authentic }).toEqual({ name, type, rcode: 'NOERROR', authentic: true });
    }
  };

  /** Questions without end, of names that exist and of others, until `work` is done; what was not authentic. */
  async function underLoad(work: () => Promise<void>): Promise<{ asked: number; failed: readonly string[] }> {
    let asked = 0;
    let ended = false;
    const failed: string[] = [];
    const ask = async (resolver: Resolver, id: string): Promise<void> => {
      while (!ended) {
        asked += 1;
        const name = asked % 3 === 0 ? `no-${asked}.child.parent.test` : NAME;
        const { rcode, authentic } = await resolver.ask(name, asked % 3 === 1 ? 'AAAA' : 'A');
        if (rcode !== 'NOERROR' || !authentic)
          failed.push(`${new Date().toISOString()} ${id} ${name}: ${rcode}, authentic: ${authentic}`);
        // Some hundred questions a second in all: the machine also has to run what is tested.
        await pause(10);
      }
    };
    const asking = resolvers.flatMap((resolver, i) => [ask(resolver, `r${i}a`), ask(resolver, `r${i}b`)]);
    try {
      await work();
    } finally {
      ended = true;
      await Promise.all(asking);
    }
    return { asked, failed };
  }

  const keysOf = async (role: 'ksk' | 'zsk'): Promise<readonly string[]> =>
    ((await at.dnssec('child'))?.keys ?? [])
      .filter((key) => key.role === role)
      .map((key) => `${key.keyTag} ${key.state}`);

  it('are authentic from each agent: routed, static, absent, and keys', async () => {
    await expectAuthentic(NAME);
    await expectAuthentic(NAME, 'AAAA');
    await expectAuthentic('nothing.here.child.parent.test');
    await expectAuthentic('child.parent.test', 'DNSKEY');
    await expectAuthentic('child.parent.test', 'CDS');
    await expectAuthentic('child.parent.test', 'DS');
    const { answer } = await (resolvers[0] as Resolver).ask(NAME);
    expect(['A 192.0.2.1', 'A 192.0.2.2']).toEqual(expect.arrayContaining([...answer]));
    expect(answer.length).toBeGreaterThan(0);
  });

  it('stay authentic under load while the zone-signing key is rolled on demand', async () => {
    const [before = ''] = await keysOf('zsk');
    const { asked, failed } = await underLoad(async () => {
      expect(await at.portolan('zone', 'dnssec', 'roll', 'child', '--zsk')).toContain('is published');
      await until(
        'the new key is the only one',
        async () => {
          const keys = await keysOf('zsk');
          return keys.length === 1 && keys[0] !== before && (keys[0] ?? '').endsWith('active');
        },
        180_000,
        200,
      );
    });
    expect(failed).toEqual([]);
    expect(asked).toBeGreaterThan(200);
  }, 240_000);

  it('stay authentic under load while the key-signing key is rolled and the parent changes its DS', async () => {
    const [before = ''] = await keysOf('ksk');
    const { asked, failed } = await underLoad(async () => {
      await at.client.rollZoneKey({ namespace: 'default', name: 'child' }, 'ksk');
      await until(
        'the new DS is asked for',
        async () => (await keysOf('ksk')).some((key) => key.endsWith('ready')),
        60_000,
        200,
      );
      const asks = (await at.dnssec('child'))?.ds ?? [];
      expect(asks).toHaveLength(1);
      const shown = await at.portolan('zone', 'dnssec', 'show', 'child');
      for (const value of [`key tag      ${asks[0]?.keyTag}`, `digest       ${asks[0]?.digest}`])
        expect(shown).toContain(value);
      await at.apply(parentZone(asks));
      await until(
        'the new key is the only one',
        async () => {
          const keys = await keysOf('ksk');
          return keys.length === 1 && keys[0] !== before;
        },
        180_000,
        200,
      );
    });
    expect(failed).toEqual([]);
    expect(asked).toBeGreaterThan(200);
  }, 300_000);

  it('a roll waits for an agent that is away, says so, and goes on when it is back', async () => {
    await at.stopAgent(1);
    await at.client.rollZoneKey({ namespace: 'default', name: 'child' }, 'zsk');
    await until(
      'the status names who is waited for',
      async () =>
        ((await at.dnssec('child'))?.keys ?? []).some(
          (key) => key.state === 'published' && (key.waitsFor ?? '').includes('default/west'),
        ),
      60_000,
      200,
    );
    // Longer than every TTL: time alone does not move it.
    const sinceMs = performance.now();
    await until(
      'time has passed',
      async () => performance.now() - sinceMs > (3 * TTL + 4) * 1000,
      60_000,
      100,
    );
    expect(await keysOf('zsk')).toHaveLength(2);
    expect((await keysOf('zsk')).some((key) => key.endsWith('published'))).toBe(true);
    await at.startAgent(1);
    await until('the roll is done', async () => (await keysOf('zsk')).length === 1, 180_000, 200);
    await at.untilServed();
    await expectAuthentic(NAME);
  }, 300_000);

  it('survive that the hub is killed and comes back: the same keys, the same serial of keys', async () => {
    const keys = (await at.dnssec('child'))?.keys.map((key) => key.keyTag);
    await at.killHub();
    const { asked, failed } = await underLoad(async () => {
      await at.startHub();
      await at.untilServed();
    });
    expect(failed).toEqual([]);
    expect(asked).toBeGreaterThan(0);
    expect((await at.dnssec('child'))?.keys.map((key) => key.keyTag)).toEqual(keys);
  }, 240_000);

  it('turned off, the zone stays signed until the DS is gone, and is never bogus', async () => {
    const bogus: string[] = [];
    await at.apply(childZone({}));
    const unsigning = await at.untilState('child', 'unsigning');
    expect(unsigning.ds).toEqual([]);
    await at.untilServed();
    const cds = await askNameServer({
      host: '127.0.0.1',
      port: at.agentPorts[0] ?? 0,
      name: parseName('child.parent.test'),
      type: TYPE.CDS,
      timeoutMs: 2_000,
    });
    expect(cds.answers.map((record) => record.data)).toContain('0 0 0 00');
    await expectAuthentic(NAME);
    // First the hub has to see that the parent has a DS: one that was asked for, and is not seen, may be on its way.
    await until(
      'the hub has looked at the parent since',
      async () => ((await at.dnssec('child'))?.parentSeenAt ?? '') > unsigning.since,
      30_000,
      200,
    );
    const { failed } = await underLoad(async () => {
      await at.apply(parentZone([]));
      await at.untilState('child', 'unsigned', 180_000);
      await at.untilServed();
    });
    // Insecure it becomes, of course, when the DS goes; SERVFAIL is what a bogus zone would give.
    bogus.push(...failed.filter((line) => line.includes('SERVFAIL')));
    expect(bogus).toEqual([]);
    for (const resolver of resolvers) {
      await until(
        'the zone is insecure',
        async () => {
          const { rcode, authentic } = await resolver.ask(NAME);
          return rcode === 'NOERROR' && !authentic;
        },
        20_000,
        200,
      );
    }
  }, 300_000);

  it('I33 no log line of hub or agent has a private key, and files that have one are for their user alone', async () => {
    expect(at.log).toContain('RolloverStarted');
    expect(at.log).not.toMatch(/MIGHAgEA/); // how every PKCS #8 P-256 key begins
    const status = JSON.stringify(await at.client.get('Zone', { namespace: 'default', name: 'parent' }));
    expect(status).not.toContain('MIGHAgEA');
    const metrics = await at.metrics();
    expect(metrics).toContain('portolan_dnssec_keys{');
    expect(metrics).not.toContain('MIGHAgEA');
    for (const agent of ['agent-east', 'agent-west']) {
      const directory = join(at.folder, agent, 'snapshots');
      const snapshots = (await readdir(directory)).filter((file) => file.endsWith('.snap'));
      expect(snapshots.length).toBeGreaterThan(0);
      for (const file of snapshots) expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600);
      // There they are: what is looked for above would be found.
      const newest = await readFile(join(directory, snapshots.sort().at(-1) ?? ''), 'utf8');
      expect(newest).toContain('MIGHAgEA');
    }
  });
});
