import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Terminal } from '../../cli/terminal.ts';
import { type Ran, runCli } from '../support/cli.ts';
import { CLI_MAIN, type HubProcess, startHub } from '../support/hub-process.ts';
import { requireServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import {
  FIRST,
  NOBODY,
  PARENT,
  RECURSING,
  ROOT,
  SECOND,
  signed,
  startTree,
  type Tree,
  WITHOUT_TCP,
} from './zone-check/tree.ts';

/* `portolan zone check` against a tree of zones that BIND serves: what is wrong there is found, and nothing else. */

const SUITE = 'delegations that BIND serves';
const named = await requireServer('named', SUITE);
/** Where the hub's own name server listens. */
const OURS = '127.77.0.8';
const folder = mkdtempSync(join(tmpdir(), 'portolan-zone-check-'));
let tree: Tree | undefined;

interface Checked {
  readonly zone: string;
  readonly ok: boolean;
  readonly findings: readonly { readonly code: string; readonly what: string; readonly fix: string }[];
  readonly registrar: {
    readonly nameServers: readonly string[];
    readonly glue: readonly { readonly name: string; readonly addresses: readonly string[] }[];
    readonly ds: readonly string[];
  };
}

const cli = (argv: readonly string[], env: Terminal['env'] = {}, stdin = ''): Promise<Ran> =>
  runCli(argv, { folder, env, stdin });

const argumentsFor = (zone: string): readonly string[] => {
  const port = String(tree?.port ?? 0);
  return [
    'zone',
    'check',
    zone,
    '--parent',
    `${PARENT}:${port}`,
    '--port',
    port,
    '--no-hub',
    '--timeout',
    '20',
  ];
};

async function check(
  zone: string,
): Promise<Checked & { readonly codes: readonly string[]; readonly code: number }> {
  const { code, out, err } = await cli([...argumentsFor(zone), '-o', 'json']);
  expect(err).toBe('');
  const checked = JSON.parse(out) as Checked;
  for (const { what, fix } of checked.findings) expect([what, fix]).not.toContain('');
  return { ...checked, code, codes: checked.findings.map((f) => f.code) };
}

/** A zone with two name servers in it. */
const zoneText = (
  change: { serial?: number; ns?: readonly (readonly [string, string])[]; more?: string } = {},
): string => {
  const servers = change.ns ?? [
    ['ns1', FIRST],
    ['ns2', SECOND],
  ];
  return [
    '$TTL 300',
    `@ SOA ns1 hostmaster ${change.serial ?? 7} 3600 600 604800 60`,
    ...servers.flatMap(([name, address]) => [
      `@ NS ${name}`,
      ...(name.endsWith('.') ? [] : [`${name} A ${address}`]),
    ]),
    `www A 192.0.2.1`,
    change.more ?? '',
    '',
  ].join('\n');
};

/** The delegation in `test.`; `ns2` is left without glue on request. */
const delegation = (zone: string, first = FIRST, second = SECOND): string =>
  [
    `${zone} NS ns1.${zone}`,
    `${zone} NS ns2.${zone}`,
    `ns1.${zone} A ${first}`,
    ...(second === '' ? [] : [`ns2.${zone} A ${second}`]),
  ].join('\n');

beforeAll(async () => {
  if (!named.available) return;
  const sign = (zone: string, validity?: readonly string[]) =>
    signed(named.path, folder, zone, zoneText(), validity);
  const good = sign('signed.test.');
  const wrongDs = sign('wrongds.test.');
  const noDs = sign('nods.test.');
  const expired = sign('expired.test.', ['-s', '20200101000000', '-e', '20200301000000']);
  const same = {
    'good.test.': zoneText(),
    'noglue.test.': zoneText(),
    'glue.test.': zoneText(),
    'extra.test.': zoneText({
      ns: [
        ['ns1', FIRST],
        ['ns2', SECOND],
        ['ns3', SECOND],
      ],
    }),
    'gone.test.': zoneText({ ns: [['ns1', FIRST]] }),
    'tcp.test.': zoneText({
      ns: [
        ['ns1', FIRST],
        ['ns2', WITHOUT_TCP],
      ],
    }),
    'silent.test.': zoneText({
      ns: [
        ['ns1', FIRST],
        ['ns2', NOBODY],
      ],
    }),
    'open.test.': zoneText({
      ns: [
        ['ns1', FIRST],
        ['ns2', RECURSING],
      ],
    }),
    'outside.test.': zoneText({
      ns: [
        ['ns1.good.test.', ''],
        ['ns2.good.test.', ''],
      ],
    }),
    'far.': zoneText({
      ns: [
        ['ns1.good.test.', ''],
        ['ns2.good.test.', ''],
      ],
    }),
    'lost.test.': zoneText({
      ns: [
        ['ns1', FIRST],
        ['ns.nowhere.test.', ''],
      ],
    }),
    'unsigned.test.': zoneText(),
    'signed.test.': good.text,
    'wrongds.test.': wrongDs.text,
    'nods.test.': noDs.text,
    'expired.test.': expired.text,
  };
  const flipped = wrongDs.ds.replace(/[0-9A-F]{8}$/, '00000000');
  tree = await startTree(named.path, folder, {
    [ROOT]: {
      '.': [
        '$TTL 300',
        '. SOA ns. hostmaster. 1 3600 600 604800 60',
        '. NS ns.',
        `ns. A ${ROOT}`,
        'test. NS ns.test.',
        `ns.test. A ${PARENT}`,
        'far. NS ns1.good.test.',
        'far. NS ns2.good.test.',
        '',
      ].join('\n'),
    },
    [PARENT]: {
      'test.': [
        '$ORIGIN test.',
        '$TTL 300',
        `@ SOA ns hostmaster 1 3600 600 604800 60`,
        '@ NS ns',
        `ns A ${PARENT}`,
        delegation('good.test.'),
        delegation('noglue.test.', FIRST, ''),
        delegation('glue.test.', FIRST, NOBODY),
        delegation('extra.test.'),
        delegation('gone.test.'),
        delegation('lame.test.'),
        delegation('lag.test.'),
        delegation('tcp.test.', FIRST, WITHOUT_TCP),
        delegation('silent.test.', FIRST, NOBODY),
        delegation('open.test.', FIRST, RECURSING),
        'ours.test. NS ns1.ours.test.',
        'ours.test. NS ns2.ours.test.',
        `ns1.ours.test. A ${OURS}`,
        `ns2.ours.test. A ${NOBODY}`,
        'lost.test. NS ns1.lost.test.',
        'lost.test. NS ns.nowhere.test.',
        `ns1.lost.test. A ${FIRST}`,
        'outside.test. NS ns1.good.test.',
        'outside.test. NS ns2.good.test.',
        ...[
          ['unsigned.test.', good.ds],
          ['signed.test.', good.ds],
          ['wrongds.test.', flipped],
          ['nods.test.', ''],
          ['expired.test.', expired.ds],
        ].map(([zone = '', ds = '']) => `${delegation(zone)}${ds === '' ? '' : `\n${zone} DS ${ds}`}`),
        '',
      ].join('\n'),
    },
    [FIRST]: { ...same, 'lame.test.': zoneText(), 'lag.test.': zoneText({ serial: 9 }) },
    [SECOND]: { ...same, 'lag.test.': zoneText({ serial: 8 }) },
  });
});
afterAll(async () => {
  await tree?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!named.available)('a check of a delegation', () => {
  it('finds nothing wrong with a right one, and says what belongs at the registrar', async () => {
    const { code, findings, registrar } = await check('good.test');
    expect(findings).toEqual([]);
    expect(code).toBe(0);
    expect(registrar).toEqual({
      nameServers: ['ns1.good.test.', 'ns2.good.test.'],
      glue: [
        { name: 'ns1.good.test.', addresses: [FIRST] },
        { name: 'ns2.good.test.', addresses: [SECOND] },
      ],
      ds: [],
    });
  });

  it('prints one line for each thing it looked at, and lines to copy', async () => {
    const { code, out } = await cli(argumentsFor('good.test'));
    expect(code).toBe(0);
    expect(out.trim().split('\n')).toEqual([
      '✓ parent: good.test. is delegated by 1 server of test.',
      '✓ names: ns1.good.test., ns2.good.test.',
      '✓ glue: every address in the zone above is right',
      '✓ servers: 2 servers with authority over UDP and TCP',
      '✓ serial: 7 at all of them',
      '✓ edns: spoken by all of them',
      '✓ recursion: offered by none of them',
      '✓ dnssec: not signed',
      '',
      'For the registrar (name servers, addresses of those inside the zone, DS records):',
      '',
      '  good.test. NS ns1.good.test.',
      '  good.test. NS ns2.good.test.',
      `  ns1.good.test. A ${FIRST}`,
      `  ns2.good.test. A ${SECOND}`,
    ]);
  });

  it.each([
    ['a name server of which the parent has no address', 'noglue.test', ['GLUE_MISSING'], 'ns2.noglue.test.'],
    ['an address that differs from the zone’s', 'glue.test', ['GLUE_DIFFERS', 'SERVER_SILENT'], NOBODY],
    ['a name server that the parent does not name', 'extra.test', ['NS_NOT_AT_PARENT'], 'ns3.extra.test.'],
    [
      'a name server that only the parent names',
      'gone.test',
      ['NS_ONLY_AT_PARENT', 'FEW_SERVERS'],
      'ns2.gone.test.',
    ],
    ['a server that does not serve the zone', 'lame.test', ['SERVER_LAME'], SECOND],
    ['a name server without an address', 'lost.test', ['NS_UNRESOLVED', 'FEW_SERVERS'], 'ns.nowhere.test.'],
    ['a server with an older zone', 'lag.test', ['SERIAL_DIFFERS'], `(${SECOND}`],
    ['a server without TCP', 'tcp.test', ['TCP_BLOCKED'], WITHOUT_TCP],
    ['a server that is down', 'silent.test', ['SERVER_SILENT'], NOBODY],
    ['a server that resolves for strangers', 'open.test', ['OPEN_RECURSION'], RECURSING],
    ['a zone the parent does not know', 'nowhere.test', ['NOT_DELEGATED'], 'test. has no NS records'],
    ['DS records of an unsigned zone', 'unsigned.test', ['DS_WITHOUT_KEYS'], 'unsigned.test.'],
    ['a DS record that fits no key', 'wrongds.test', ['DS_UNMATCHED'], 'wrongds.test.'],
    [
      'signatures that have expired',
      'expired.test',
      ['SIGNATURE_INVALID', 'SIGNATURE_INVALID', 'SIGNATURE_INVALID', 'SIGNATURE_INVALID'],
      'it has expired',
    ],
  ])('finds %s', async (_, zone, codes, text) => {
    const checked = await check(zone);
    expect(checked.codes).toEqual(codes);
    expect(checked.findings[0]?.what).toContain(text);
    expect([checked.ok, checked.code]).toEqual([false, 1]);
  });

  it('follows the chain of a signed zone, and gives its DS record', async () => {
    const { findings, code, registrar } = await check('signed.test');
    expect(findings).toEqual([]);
    expect(code).toBe(0);
    expect(registrar.ds).toEqual([expect.stringMatching(/^\d+ 13 2 [0-9A-F]{64}$/)]);
  });

  it('only warns of a signed zone without a DS record', async () => {
    const { codes, code, registrar } = await check('nods.test');
    expect(codes).toEqual(['DS_MISSING']);
    expect(code).toBe(0);
    expect(registrar.ds).toHaveLength(1);
  });

  it('finds name servers that lie in another zone', async () => {
    const { findings, registrar } = await check('outside.test');
    expect(findings).toEqual([]);
    expect(registrar.glue).toEqual([]);
  });

  it('walks down from the root, also to find the addresses of name servers elsewhere', async () => {
    const port = String(tree?.port ?? 0);
    for (const [zone, parent] of [
      ['good.test', 'test.'],
      ['far', '.'],
      ['outside.test', 'test.'],
    ] as const) {
      const argv = ['zone', 'check', zone, '--parent', `${ROOT}:${port}`, '--port', port, '--no-hub'];
      const { code, out } = await cli(argv);
      expect([zone, code, out.split('\n')[0]]).toEqual([
        zone,
        0,
        `✓ parent: ${zone}. is delegated by 1 server of ${parent}`,
      ]);
      expect(out).toContain('✓ servers: 2 servers with authority over UDP and TCP');
    }
  });

  it('ends in time when nobody answers, and says so', async () => {
    const started = Date.now();
    const port = String(tree?.port ?? 0);
    const { code, out } = await cli([
      'zone',
      'check',
      'good.test',
      '--parent',
      `${NOBODY}:${port}`,
      '--port',
      port,
      '--no-hub',
      '--timeout',
      '2',
      '-o',
      'json',
    ]);
    expect(code).toBe(1);
    expect((JSON.parse(out) as Checked).findings.map((f) => f.code)).toEqual(['PARENT_UNKNOWN']);
    expect(Date.now() - started).toBeLessThan(10_000);
  });
});

describe.skipIf(!named.available)('a check of a zone that Portolan serves', () => {
  let hub: HubProcess | undefined;
  let env: Terminal['env'] = {};

  beforeAll(async () => {
    const home = join(folder, 'hub');
    await promisify(execFile)(process.execPath, [CLI_MAIN, 'init', '--dir', home, '-q'], {
      env: { ...process.env, HOME: folder },
    });
    hub = await startHub(home, { PORTOLAN_DNS_LISTEN: `${OURS}:${tree?.port ?? 0}` });
    env = { PORTOLAN_SERVER: hub.api, PORTOLAN_TOKEN_FILE: join(home, 'admin.token') };
  });
  afterAll(async () => {
    await hub?.stop();
  });

  const zone = (dnssec: string): string => `
apiVersion: portolan.dev/v1alpha1
kind: Zone
metadata: {name: ours}
spec:
  origin: ours.test
  nameServers:
    - {name: ns1.ours.test, addresses: [${OURS}]}
    - {name: ns2.ours.test, addresses: [${SECOND}]}
  ${dnssec}
`;
  const look = async (): Promise<Checked> => {
    const port = String(tree?.port ?? 0);
    const { out } = await cli(
      ['zone', 'check', 'ours.test', '--parent', `${PARENT}:${port}`, '--port', port, '-o', 'json'],
      env,
    );
    return JSON.parse(out) as Checked;
  };

  it.each([
    ['unsigned', '', 0],
    ['signed', 'dnssec: {}', 1],
  ])(
    '%s: finds nothing wrong with its server, and goes by the names and addresses of the hub',
    async (_, dnssec, ds) => {
      const applied = await cli(['apply', '-f', '-'], env, zone(dnssec));
      expect([applied.code, applied.err]).toEqual([0, '']);
      // The tree has another address for ns2, and nobody there serves the zone.
      const wrong = ['GLUE_DIFFERS', 'SERVER_SILENT', 'SERVER_LAME', ...(ds === 0 ? [] : ['DS_MISSING'])];
      const { value } = await until(
        'the zone is served',
        async () => {
          const checked = await look();
          const codes = checked.findings.map((f) => f.code);
          if (codes.join() !== wrong.join()) throw new Error(JSON.stringify(checked.findings));
          return checked;
        },
        30_000,
        500,
      );
      expect(value.findings.filter((f) => f.what.includes(OURS))).toEqual([]);
      expect(value.registrar.glue).toEqual([
        { name: 'ns1.ours.test.', addresses: [OURS] },
        { name: 'ns2.ours.test.', addresses: [SECOND] },
      ]);
      expect(value.registrar.ds).toHaveLength(ds);
    },
  );
});
