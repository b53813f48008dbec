import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createNameServer } from '../../nameserver/server.ts';
import { SignatureCache } from '../../src/dns/dnssec/signature-cache.ts';
import { SigningBudget } from '../../src/dns/dnssec/signing-budget.ts';
import { makeZoneKeys, materialOf } from '../../src/dns/dnssec/testing/signing-material.ts';
import { createZoneSigner } from '../../src/dns/dnssec/zone-signer.ts';
import { parseName } from '../../src/dns/name.ts';
import { AnswerTable } from '../../src/dns/table.ts';
import { zoneSource } from '../../src/dns/testing/zone-source.ts';
import { compileZoneOrThrow } from '../../src/dns/zone.ts';
import { requireServer } from '../support/servers.ts';

/* The tests of RFC 8906 section 8, each by its number, as the RFC writes them for dig; and the same questions with octets that dig cannot send. */

const SUITE = 'RFC 8906 by dig';
const dig = await requireServer('dig', SUITE);

const zoneOf = (name: string) =>
  compileZoneOrThrow(
    zoneSource({
      origin: parseName(name),
      serial: 2026,
      nameServers: [{ name: parseName(`ns1.${name}`), addresses: ['192.0.2.53'] }],
    }),
  );
const signed = zoneOf('signed.test');
const signer = createZoneSigner(
  materialOf(signed.origin, makeZoneKeys(), Math.floor(Date.now() / 1000)),
  signed.origin,
  {
    wallMs: Date.now,
    budget: new SigningBudget(1000, () => performance.now()),
    kept: new SignatureCache(1e6),
    fleeting: new SignatureCache(1e5),
  },
);
const table = new AnswerTable([zoneOf('plain.test'), { ...signed, signer }]);
const server = createNameServer({ listen: [{ host: '127.0.0.1', port: 0 }], table: () => table });
let port = 0;

beforeAll(async () => {
  const [bound] = await server.start();
  port = bound?.port ?? 0;
});
afterAll(() => server.close());

interface Seen {
  readonly status: string | undefined;
  /** In the order of dig: `qr aa rd`. */
  readonly flags: readonly string[];
  /** Complaint of dig about bits that must be zero. */
  readonly mustBeZero: boolean;
  readonly edns:
    | { readonly version: number; readonly dnssecOk: boolean; readonly mustBeZero: boolean }
    | undefined;
  readonly answer: number;
  readonly authority: number;
  readonly soa: boolean;
  readonly text: string;
}

function ask(...args: string[]): Promise<Seen> {
  return new Promise((resolve, reject) => {
    execFile('dig', ['@127.0.0.1', '-p', String(port), '+tries=2', '+time=3', ...args], (error, text) => {
      if (error !== null) {
        reject(new Error(`dig ${args.join(' ')}: ${error.message}\n${text}`));
        return;
      }
      const header =
        /^;; flags:([^;]*);(?: MBZ: (0x[0-9a-f]+)[;,]?)?.* ANSWER: (\d+), AUTHORITY: (\d+)/m.exec(text);
      const edns = /^; EDNS: version: (\d+), flags:([^;]*);(?: MBZ: (0x[0-9a-f]+))?/m.exec(text);
      resolve({
        status: /status: (\w+)/.exec(text)?.[1],
        flags: (header?.[1] ?? '').trim().split(' '),
        mustBeZero: header?.[2] !== undefined,
        edns:
          edns === null
            ? undefined
            : {
                version: Number(edns[1]),
                dnssecOk: (edns[2] ?? '').includes('do'),
                mustBeZero: edns[3] !== undefined,
              },
        answer: Number(header?.[3]),
        authority: Number(header?.[4]),
        soa: /^[^;].*\sIN\s+SOA\s/m.test(text),
        text,
      });
    });
  });
}

const PLAIN_DNS = { status: 'NOERROR', soa: true, edns: undefined, mustBeZero: false };
const EDNS = { version: 0, dnssecOk: false, mustBeZero: false };
const EXTENDED = { status: 'NOERROR', soa: true, edns: EDNS, mustBeZero: false };
const BADVERS = { status: 'BADVERS', soa: false, answer: 0, authority: 0, edns: EDNS };

describe.skipIf(!dig.available).each(['plain.test', 'signed.test'])(`${SUITE}: %s`, (zone) => {
  it.each([
    ['8.1.1 is the server configured for the zone?', '+noedns +noad +norec', PLAIN_DNS],
    ['8.1.3.1 the CD bit', '+noedns +noad +norec +cd', PLAIN_DNS],
    ['8.1.3.2 the AD bit', '+noedns +norec +ad', PLAIN_DNS],
    ['8.1.3.3 the reserved bit, which is not in the answer', '+noedns +noad +norec +zflag', PLAIN_DNS],
    ['8.1.3.4 the RD bit', '+noedns +noad +rec', PLAIN_DNS],
    ['8.1.5 TCP', '+noedns +noad +norec +tcp', PLAIN_DNS],
    ['8.2.1 minimal EDNS', '+nocookie +edns=0 +noad +norec', EXTENDED],
    ['8.2.3 unknown options, which are not echoed', '+nocookie +edns=0 +noad +norec +ednsopt=100', EXTENDED],
    ['8.2.4 unknown flags, which are not echoed', '+nocookie +edns=0 +noad +norec +ednsflags=0x40', EXTENDED],
    [
      '8.2.8 DO=1 is copied',
      '+nocookie +edns=0 +noad +norec +dnssec',
      { ...EXTENDED, edns: { ...EDNS, dnssecOk: true } },
    ],
    [
      '8.2.10 several known options',
      '+edns=0 +noad +norec +cookie +nsid +expire +subnet=0.0.0.0/0',
      EXTENDED,
    ],
  ])('%s', async (_what, flags, expected) => {
    const seen = await ask(...flags.split(' '), 'soa', zone);
    expect(seen).toMatchObject(expected);
    expect(seen.flags).toContain('aa');
    expect(seen.flags).not.toContain('ad'); // nothing was validated for anybody
    expect(seen.flags).not.toContain('ra');
    expect(seen.flags.includes('rd')).toBe(flags.includes('+rec'));
    expect(seen.text).not.toContain('OPT=100');
  });

  it('8.1.2 an unknown type: no data, and who is in charge', async () => {
    const seen = await ask('+noedns', '+noad', '+norec', 'type1000', zone);
    expect(seen).toMatchObject({ status: 'NOERROR', answer: 0, authority: 1, soa: true, edns: undefined });
    expect(seen.flags).toContain('aa');
  });

  it('8.1.4 an unknown opcode: NOTIMP, and nothing else', async () => {
    const seen = await ask('+noedns', '+noad', '+opcode=15', '+norec', '+header-only');
    expect(seen).toMatchObject({ status: 'NOTIMP', answer: 0, authority: 0, edns: undefined });
    expect(seen.text).toMatch(/opcode: (RESERVED)?15/);
    expect(seen.flags).not.toContain('aa');
  });

  it.each([
    ['8.2.2 another EDNS version: BADVERS, and ours', ''],
    ['8.2.5 with unknown flags', ' +ednsflags=0x40'],
    ['8.2.6 with unknown options', ' +ednsopt=100'],
  ])('%s', async (_what, more) => {
    const flags = `+nocookie +edns=1 +noednsneg +noad +norec${more}`.split(' ');
    const seen = await ask(...flags, 'soa', zone);
    expect(seen).toMatchObject(BADVERS);
    expect(seen.flags).not.toContain('aa');
    expect(seen.text).not.toContain('OPT=100');
  });

  it('8.2.9 another EDNS version with DO=1', async () => {
    const seen = await ask('+nocookie', '+edns=1', '+noednsneg', '+noad', '+norec', '+dnssec', 'soa', zone);
    expect(seen).toMatchObject({ ...BADVERS, edns: { ...EDNS, dnssecOk: true } });
  });

  it('8.2.7 a truncated response has its OPT record', async () => {
    const seen = await ask('+norec', '+dnssec', '+bufsize=512', '+ignore', 'dnskey', zone);
    expect(seen).toMatchObject({ status: 'NOERROR', edns: { version: 0, dnssecOk: true } });
    if (seen.flags.includes('tc')) expect(seen.answer).toBe(0);
  });

  it('negotiates down when it is asked with a later version first', async () => {
    expect(await ask('+nocookie', '+edns=5', '+noad', '+norec', 'soa', zone)).toMatchObject(EXTENDED);
  });
});

describe('messages that dig does not send', () => {
  const QUESTION = '05706c61696e04746573740000060001'; // plain.test SOA IN
  const query = (flags: string, counts: string, rest = ''): Buffer =>
    Buffer.from(`abcd${flags}${counts}${rest}`, 'hex');

  function exchange(bytes: Buffer): Promise<Buffer> {
    const socket = createSocket('udp4');
    return new Promise<Buffer>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('no answer in 5 s')), 5000);
      socket.once('message', (answer) => {
        clearTimeout(late);
        resolve(answer);
      });
      socket.send(bytes, port, '127.0.0.1');
    }).finally(() => socket.close());
  }
  const rcodeOf = (answer: Buffer): number => (answer[3] ?? 0) & 0xf;

  it.each([1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])(
    'opcode %i with a question: NOTIMP',
    async (opcode) => {
      const flags = (opcode << 11).toString(16).padStart(4, '0');
      const answer = await exchange(query(flags, '0001000000000000', QUESTION));
      expect(rcodeOf(answer)).toBe(4);
      expect(answer.readUInt16BE(0)).toBe(0xabcd);
      expect((answer.readUInt16BE(2) >> 11) & 0xf).toBe(opcode);
    },
  );

  it.each([
    ['no question', query('0000', '0000000000000000')],
    ['two questions', query('0000', '0002000000000000', QUESTION + QUESTION)],
    ['a question that is cut', query('0000', '0001000000000000', QUESTION.slice(0, 10))],
    ['more records than announced', query('0000', '0001000000000000', `${QUESTION}00`)],
    ['fewer records than announced', query('0000', '0001000000000001', QUESTION)],
    [
      'a cookie of 3 octets',
      query('0000', '0001000000000001', `${QUESTION}00002904d0000000000007000a0003010203`),
    ],
    [
      'an option that is cut',
      query('0000', '0001000000000001', `${QUESTION}00002904d0000000000006000a00080102`),
    ],
  ])('%s: FORMERR, not silence', async (_what, bytes) => {
    const answer = await exchange(bytes);
    expect(rcodeOf(answer)).toBe(1);
    expect(answer.readUInt16BE(0)).toBe(0xabcd);
  });

  it.each([
    ['every type', Array.from({ length: 32 }, (_, i) => (i * 2039 + 3) & 0xffff)],
    ['types for messages only', [128, 200, 248, 254]],
  ])('%s gets an answer', async (_what, types) => {
    for (const type of types) {
      const question = `${QUESTION.slice(0, -8)}${type.toString(16).padStart(4, '0')}0001`;
      const answer = await exchange(query('0000', '0001000000000000', question));
      expect([0, 1, 4, 5], `type ${type}`).toContain(rcodeOf(answer));
    }
  });

  it.each([0, 2, 3, 4, 254, 255])('class %i is refused', async (qclass) => {
    const question = `${QUESTION.slice(0, -4)}${qclass.toString(16).padStart(4, '0')}`;
    expect(rcodeOf(await exchange(query('0000', '0001000000000000', question)))).toBe(5);
  });
});
