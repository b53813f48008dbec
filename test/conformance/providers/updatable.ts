import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProviderOptions } from '../../../providers/contract.ts';
import { rfc2136 as kind } from '../../../providers/rfc2136/provider.ts';
import { parseName } from '../../../src/dns/name.ts';
import { OPCODE, TYPE, typeName } from '../../../src/dns/types.ts';
import type { RecordSet } from '../../../src/plan/record-set.ts';
import { dnsProviderSpec } from '../../../src/resources/dns-provider.ts';
import { type FaultyRelay, type SeenRequest, startFaultyRelay } from '../../support/faulty-relay.ts';
import type { KeyText, Primary, UpdatableOptions } from '../../support/primaries.ts';
import { UNHINDERED } from '../../support/unhindered.ts';
import { askServer } from '../provider/ask-server.ts';
import type { Running } from '../provider-harness.ts';

export const UPDATE_KEY: KeyText = {
  name: 'portolan',
  algorithm: 'hmac-sha256',
  secret: Buffer.from('0123456789abcdef0123456789abcdef').toString('base64'),
};
const OTHER_SECRET = Buffer.from('fedcba9876543210fedcba9876543210').toString('base64');
const ORIGIN = parseName('update.example');
const ZONE_FILE = `$TTL 300
@ SOA ns1 hostmaster 1 3600 600 604800 300
@ NS ns1
ns1 A 127.0.0.1
`;

type Start = (options: UpdatableOptions) => Promise<Primary>;

export interface RunningUpdatable extends Running {
  readonly primary: () => Primary;
  readonly relay: FaultyRelay;
}

/** A real server that takes UPDATE, with a relay in front of it where answers are delayed and lost. */
export async function runUpdatable(
  start: Start,
  nsupdate: string,
  more: Partial<UpdatableOptions> = {},
): Promise<RunningUpdatable> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-update-'));
  const options: UpdatableOptions = {
    folder,
    zones: [{ origin: ORIGIN, zoneFile: ZONE_FILE }],
    key: UPDATE_KEY,
    ...more,
  };
  let primary = await start(options);
  const relay = await startFaultyRelay(primary.port, seeMessage);
  const spec = dnsProviderSpec.parse({
    zones: [{ origin: ORIGIN }],
    rfc2136: { server: '127.0.0.1', port: relay.port, tsigSecret: 'update-key', timeoutMs: 20_000 },
  });
  const instead = async (other: UpdatableOptions): Promise<void> => {
    await primary.stop();
    primary = await start(other);
    relay.leadTo(primary.port);
  };
  return {
    spec,
    zone: {
      origin: ORIGIN,
      id: ORIGIN,
      private: false,
      nameServers: [parseName(`ns1.${ORIGIN}`)],
    },
    primary: () => primary,
    relay,
    open: (overrides: Partial<ProviderOptions> = {}) =>
      kind.open({
        spec,
        secret: { ...UPDATE_KEY },
        name: 'conformance/update',
        owner: 'conformance',
        ...UNHINDERED,
        ...overrides,
      }),
    ask: (name, type, from) => askServer(primary.port, name, type, from),
    writeForeign: (set) =>
      update(nsupdate, primary.port, [`update delete ${set.name} ${set.type}`, ...additions(set)]),
    deleteForeign: (set) => update(nsupdate, primary.port, [`update delete ${set.name} ${set.type}`]),
    addZones: { why: 'DNS has no list of zones: those that the spec names are asked for.' },
    requests: relay.requests,
    faults: {
      latency: (delayMs) => relay.delay(delayMs),
      throttle: { why: 'A server that takes UPDATE has no limit on requests.' },
      loseNextAnswer: () => relay.loseNextAnswer(),
      revoke: () => instead({ ...options, key: { ...UPDATE_KEY, secret: OTHER_SECRET } }),
      deleteZone: () => instead({ ...options, zones: [{ origin: 'another.example.', zoneFile: ZONE_FILE }] }),
    },
    setHealth: { why: 'DNS UPDATE knows records only.' },
    async close() {
      await relay[Symbol.asyncDispose]();
      await primary.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function additions(set: RecordSet): readonly string[] {
  return set.values.map((value) => `update add ${set.name} ${set.ttlSeconds ?? 0} ${set.type} ${value}`);
}

/** One UPDATE by BIND's own client. */
export async function update(program: string, port: number, lines: readonly string[]): Promise<void> {
  const { name, algorithm, secret } = UPDATE_KEY;
  const child = spawn(program, ['-v', '-y', `${algorithm}:${name}:${secret}`], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (part) => {
    said += String(part);
  });
  child.stderr.on('data', (part) => {
    said += String(part);
  });
  child.stdin.end([`server 127.0.0.1 ${port}`, `zone ${ORIGIN}`, ...lines, 'send', ''].join('\n'));
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`nsupdate: ${said}`);
}

/** The question of a framed DNS message. */
function seeMessage(octets: Buffer): SeenRequest | undefined {
  if (octets.length < 14) return undefined;
  const opcode = ((octets[4] ?? 0) >> 3) & 0xf;
  if (opcode === OPCODE.UPDATE) return { action: 'UPDATE', changes: true };
  let at = 14;
  while (at < octets.length && octets[at] !== 0) at += 1 + (octets[at] ?? 0);
  const type = octets.readUInt16BE(at + 1);
  return {
    action: type === TYPE.AXFR ? 'AXFR' : type === TYPE.IXFR ? 'IXFR' : typeName(type),
    changes: false,
  };
}
