import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { AnswerTable } from '../src/dns/table.ts';
import { zoneSource } from '../src/dns/testing/zone-source.ts';
import { CLASS, EDNS_OPTION, RCODE, TYPE } from '../src/dns/types.ts';
import { EXTENDED_ERROR } from '../src/dns/wire/edns.ts';
import { decodeMessage, encodeMessage, type Message, makeQuery } from '../src/dns/wire/message.ts';
import { compileZoneOrThrow } from '../src/dns/zone.ts';
import { containing } from '../test/support/matchers.ts';
import { until } from '../test/support/until.ts';
import { createNameServer, type NameServerOptions, type OwnNameServer } from './server.ts';
import { type NameServerSettings, nameServerSettings } from './settings.ts';

const LOREM = 'x'.repeat(200);
const zone = compileZoneOrThrow(
  zoneSource({
    records: [
      { name: 'www', type: 'A', data: ['192.0.2.1'] },
      { name: '*.wild', type: 'A', data: ['192.0.2.2'] },
      { name: 'child', type: 'NS', data: ['ns.child.example.test.'] },
      { name: 'ns.child', type: 'A', data: ['192.0.2.99'] },
      { name: 'big', type: 'TXT', data: ['a', 'b', 'c', 'd', 'e', 'f'].map((l) => `"${l}${LOREM}"`) },
      { name: 'huge', type: 'TXT', data: [...'abcdefghijklmnopq'].map((l) => `"${l}${LOREM}"`) },
    ],
  }),
);
const table = new AnswerTable([zone]);

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

interface World {
  readonly server: OwnNameServer;
  readonly port: number;
}

async function serve(settings: object = {}, options: Partial<NameServerOptions> = {}): Promise<World> {
  const server = createNameServer({
    listen: [{ host: '127.0.0.1', port: 0 }],
    table: () => table,
    settings: settingsOf(settings),
    ...options,
  });
  const [bound] = await server.start();
  cleanUp.push(() => server.close());
  return { server, port: bound?.port ?? 0 };
}

const settingsOf = (settings: object): NameServerSettings => nameServerSettings.parse(settings);

type Options = readonly { readonly code: number; readonly data: Uint8Array }[];

interface Asked {
  readonly type?: number;
  readonly class?: number;
  readonly options?: Options;
  readonly udpSize?: number;
}

function query(name: string, asked: Asked = {}): Message {
  const question = { name: parseName(name), type: asked.type ?? TYPE.A, class: asked.class ?? CLASS.IN };
  const message = makeQuery(7, question, { ednsOptions: asked.options ?? [] });
  return {
    ...message,
    edns: { udpSize: asked.udpSize ?? 1232, version: 0, dnssecOk: false, options: asked.options ?? [] },
  };
}

/** Sends one datagram from an address and resolves to the answer. */
async function exchange(port: number, bytes: Uint8Array, from = '127.0.0.1'): Promise<Buffer> {
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve) => socket.bind(0, from, resolve));
    return await new Promise<Buffer>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('no answer in 5 s')), 5000);
      socket.on('message', (answer) => {
        clearTimeout(late);
        resolve(answer);
      });
      socket.send(bytes, port, '127.0.0.1');
    });
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}

async function ask(port: number, message: Message, from?: string): Promise<Message> {
  return decodeMessage(await exchange(port, encodeMessage(message), from));
}

/** Sends many datagrams from one socket and resolves to all answers, once `count` are there or nothing came for a while. */
async function flood(
  port: number,
  count: number,
  make: (i: number) => Uint8Array,
  from: string,
): Promise<readonly Buffer[]> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, from, resolve));
  const answers: Buffer[] = [];
  let looks = 0;
  socket.on('message', (answer) => {
    answers.push(answer);
    looks = 0;
  });
  for (let i = 0; i < count; i += 1) {
    socket.send(make(i), port, '127.0.0.1');
    if (i % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
  }
  // Turns of the event loop, not time: a machine that stood still has not heard what waits in the socket.
  const quiet = async (): Promise<boolean> => {
    looks += 1;
    return answers.length >= count || looks > 20;
  };
  await until('the end of the answers', quiet, 20_000, 20);
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return answers;
}

const CLIENT_COOKIE = '0102030405060708';
const cookie = (hex: string): Options => [{ code: EDNS_OPTION.COOKIE, data: Buffer.from(hex, 'hex') }];
const optionOf = (message: Message, code: number): string | undefined => {
  const found = message.edns?.options.find((option) => option.code === code);
  return found === undefined ? undefined : Buffer.from(found.data).toString('hex');
};
const textOf = (message: Message): string | undefined => {
  const rdata = message.answers[0]?.rdata;
  // Records of a class other than IN are not read further than their octets.
  return rdata?.type === 'OPAQUE' ? Buffer.from(rdata.data.subarray(1)).toString() : undefined;
};
const withId = (message: Message, id: number): Uint8Array => encodeMessage({ ...message, id });
/** Limits that a test reaches: small, and for loopback as well. */
const limited = (change: object = {}): object => ({
  rateLimit: { exempt: [], answersPerSecond: 20, ...change },
});

async function learnCookie(port: number): Promise<string> {
  const learned = optionOf(
    await ask(port, query('www.example.test', { options: cookie(CLIENT_COOKIE) })),
    EDNS_OPTION.COOKIE,
  );
  if (learned === undefined) throw new Error('no cookie');
  return learned;
}

describe('cookies (RFC 7873)', () => {
  it('are given to who sends one, with the answer', async () => {
    const { port } = await serve();
    const reply = await ask(port, query('www.example.test', { options: cookie(CLIENT_COOKIE) }));
    expect(reply.rcode).toBe(RCODE.NOERROR);
    expect(reply.answers).toHaveLength(1);
    expect(optionOf(reply, EDNS_OPTION.COOKIE)).toMatch(new RegExp(`^${CLIENT_COOKIE}01000000[0-9a-f]{24}$`));
  });

  it('are not given to who sends none, and to nobody when they are off', async () => {
    const { port } = await serve();
    expect(optionOf(await ask(port, query('www.example.test')), EDNS_OPTION.COOKIE)).toBeUndefined();
    const off = await serve({ cookies: { enabled: false } });
    const reply = await ask(off.port, query('www.example.test', { options: cookie(CLIENT_COOKIE) }));
    expect(reply.answers).toHaveLength(1);
    expect(optionOf(reply, EDNS_OPTION.COOKIE)).toBeUndefined();
  });

  it.each([7, 9, 15, 41])('of %i octets are FORMERR', async (octets) => {
    const { port } = await serve();
    const options = cookie('00'.repeat(octets));
    expect((await ask(port, query('www.example.test', { options }))).rcode).toBe(RCODE.FORMERR);
  });

  it('of which several are sent: the first counts', async () => {
    const { port } = await serve();
    const options = [...cookie(CLIENT_COOKIE), ...cookie('ff')];
    const reply = await ask(port, query('www.example.test', { options }));
    expect(reply.rcode).toBe(RCODE.NOERROR);
    expect(optionOf(reply, EDNS_OPTION.COOKIE)).toMatch(/^0102030405060708/);
  });

  it('can be asked for without a question, and be checked so (section 5.4)', async () => {
    const { port } = await serve();
    const bare = (hex: string): Message => ({ ...query('.', { options: cookie(hex) }), questions: [] });
    const first = await ask(port, bare(CLIENT_COOKIE));
    expect(first).toMatchObject({ rcode: RCODE.NOERROR, questions: [], answers: [] });
    const learned = optionOf(first, EDNS_OPTION.COOKIE) ?? '';
    expect((await ask(port, bare(learned))).rcode).toBe(RCODE.NOERROR);
    const wrong = await ask(port, bare(`${learned.slice(0, -2)}${learned.endsWith('00') ? '11' : '00'}`));
    expect(wrong.rcode).toBe(RCODE.BADCOOKIE);
    expect(optionOf(wrong, EDNS_OPTION.COOKIE)).toMatch(/^0102030405060708/);
    const off = await serve({ cookies: { enabled: false } });
    expect((await ask(off.port, bare(CLIENT_COOKIE))).rcode).toBe(RCODE.FORMERR);
  });

  it('are insisted on where the settings say so, for who has shown one', async () => {
    const { port } = await serve({ cookies: { require: true } });
    const first = await ask(port, query('www.example.test', { options: cookie(CLIENT_COOKIE) }));
    expect(first).toMatchObject({ rcode: RCODE.BADCOOKIE, answers: [] });
    const learned = optionOf(first, EDNS_OPTION.COOKIE) ?? '';
    expect(await ask(port, query('www.example.test', { options: cookie(learned) }))).toMatchObject({
      rcode: RCODE.NOERROR,
    });
    expect((await ask(port, query('www.example.test'))).answers).toHaveLength(1);
    const overTcp = await askTcp(port, query('www.example.test', { options: cookie(CLIENT_COOKIE) }));
    expect(overTcp.rcode).toBe(RCODE.NOERROR);
    expect(optionOf(overTcp, EDNS_OPTION.COOKIE)).toHaveLength(48);
  });

  it('come from a file that servers share, and from a new one when it changes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portolan-cookies-'));
    cleanUp.push(() => rmSync(folder, { recursive: true }));
    const [secretFile, other] = [join(folder, 'a'), join(folder, 'b')];
    const [old, next] = ['e5e973e5a6b2a43f48e7dc849e37bfcf', '445536bcd2513298075a5d379663c962'];
    for (const path of [secretFile, other]) writeFileSync(path, `${old}\n`);
    const settings = (path: string) => ({ cookies: { secretFile: path }, udpOctetsWithCookie: 4096 });
    const warnings: string[] = [];
    const log = { warn: (_: object, message: string) => void warnings.push(message) };
    const a = await serve(settings(secretFile), { lookEveryMs: 20, log });
    const b = await serve(settings(other));
    const learned = await learnCookie(a.port);
    const big = query('huge.example.test', { type: TYPE.TXT, options: cookie(learned), udpSize: 4096 });
    const isProved = async (port: number): Promise<boolean> => !(await ask(port, big)).flags.truncated;
    expect(await isProved(b.port)).toBe(true);

    writeFileSync(secretFile, 'broken\n');
    await until('a warning', async () => warnings.length > 0, 20_000);
    expect(await isProved(a.port)).toBe(true);
    writeFileSync(secretFile, `${next}\n${old}\n`);
    const tail = async (at: number): Promise<string> => (await learnCookie(at)).slice(32);
    await until('another cookie', async () => (await tail(a.port)) !== (await tail(b.port)), 20_000);
    expect(await isProved(a.port)).toBe(true); // the old one still counts
    writeFileSync(secretFile, `${next}\n`);
    await until('the old secret to go', async () => !(await isProved(a.port)), 20_000);
    expect(await isProved(b.port)).toBe(true); // whose file has not changed
  });

  it('are good for an hour of the wall clock', async () => {
    let nowMs = Date.UTC(2026, 10, 21);
    const { port } = await serve({ cookies: { require: true } }, { wallMs: () => nowMs });
    const options = cookie(await learnCookie(port));
    const rcode = async (): Promise<number> =>
      (await ask(port, query('www.example.test', { options }))).rcode;
    nowMs += 3_600_000;
    expect(await rcode()).toBe(RCODE.NOERROR);
    nowMs += 1000;
    expect(await rcode()).toBe(RCODE.BADCOOKIE);
  });

  it('from a file that has none are refused at the start', () => {
    const settings = settingsOf({ cookies: { secretFile: '/nonexistent/secret' } });
    expect(() => createNameServer({ listen: [], table: () => table, settings })).toThrow(
      expect.objectContaining({ code: 'COOKIE_SECRET_INVALID' }),
    );
  });
});

describe('the size of UDP answers', () => {
  it('I24 is 1232 octets at most without a valid cookie, whatever the client says', async () => {
    const { port } = await serve({ udpOctetsWithCookie: 4096 });
    for (const options of [
      [],
      cookie(CLIENT_COOKIE),
      cookie(`${CLIENT_COOKIE}0100000000000000${'00'.repeat(8)}`),
    ]) {
      for (const name of ['big.example.test', 'huge.example.test']) {
        const message = query(name, { type: TYPE.TXT, options, udpSize: 65_535 });
        const bytes = await exchange(port, encodeMessage(message));
        expect(bytes.length).toBeLessThanOrEqual(1232);
        expect(decodeMessage(bytes).flags.truncated).toBe(true);
      }
    }
  });

  it('is what the client says and the settings allow with one', async () => {
    const { port } = await serve({ udpOctetsWithCookie: 4096 });
    const options = cookie(await learnCookie(port));
    const sizes = { big: 1400, huge: 3600 };
    for (const [name, least] of Object.entries(sizes)) {
      const asked = (udpSize: number) => query(`${name}.example.test`, { type: TYPE.TXT, options, udpSize });
      expect((await ask(port, asked(least - 200))).flags.truncated).toBe(true);
      expect((await ask(port, asked(4096))).flags.truncated).toBe(false);
    }
    const narrow = await serve(); // 1400 by default
    const own = cookie(await learnCookie(narrow.port));
    const asked = (name: string) => query(name, { type: TYPE.TXT, options: own, udpSize: 4096 });
    expect((await ask(narrow.port, asked('huge.example.test'))).flags.truncated).toBe(true);
  });
});

describe('response rate limiting', () => {
  it('I24 of a flood answers the first second, then every second query with TC and nothing else', async () => {
    const warnings: string[] = [];
    const log = { warn: (_: object, message: string) => void warnings.push(message) };
    const { server, port } = await serve(limited(), { log });
    const message = query('www.example.test');
    const started = performance.now();
    const answers = await flood(port, 400, (i) => withId(message, i), '127.1.1.1');
    const seconds = (performance.now() - started) / 1_000;
    const full = answers.filter((bytes) => decodeMessage(bytes).answers.length > 0);
    const slipped = answers.filter((bytes) => decodeMessage(bytes).flags.truncated);
    expect(full.length).toBeGreaterThanOrEqual(20);
    expect(full.length).toBeLessThanOrEqual(20 * (2 + seconds)); // the first second's worth and what a slow machine's clock adds
    expect(slipped.length).toBe(Math.floor((400 - full.length) / 2));
    expect(full.length + slipped.length).toBe(answers.length);
    const [slip] = slipped;
    expect(slip?.length).toBe(encodeMessage(message).length); // amplifies nothing
    expect(warnings).toEqual([containing('answers to the network of 127.1.1.1 are limited')]);
    const limitedFamily = server
      .stats()
      .families.find(({ name }) => name === 'portolan_dns_rate_limited_total');
    const counted = (action: string): number =>
      limitedFamily?.samples.find(({ labels }) => labels?.kind === 'answer' && labels.action === action)
        ?.value ?? 0;
    expect(counted('slip')).toBe(slipped.length);
    expect(counted('drop')).toBe(400 - answers.length);
  });

  it('I24 leaves another network alone, and who asks for other names', async () => {
    const { port } = await serve(limited());
    const message = query('www.example.test');
    await flood(port, 200, (i) => withId(message, i), '127.1.1.1');
    expect((await ask(port, message, '127.1.2.1')).answers).toHaveLength(1);
    expect((await ask(port, query('ns.example.test'), '127.1.1.9')).answers).toHaveLength(1);
  });

  it.each([
    ['a wildcard', (i: number) => query(`n${i}.wild.example.test`), { answersPerSecond: 20 }],
    ['names that do not exist', (i: number) => query(`n${i}.example.test`), { negativePerSecond: 20 }],
    ['a delegated zone', (i: number) => query(`n${i}.child.example.test`), { referralsPerSecond: 20 }],
    ['zones of others', (i: number) => query(`n${i}.example.org`), { errorsPerSecond: 20 }],
    [
      'ANY',
      (i: number) => query(i % 2 === 0 ? 'www.example.test' : 'big.example.test', { type: TYPE.ANY }),
      { anyPerSecond: 20 },
    ],
    [
      'everything',
      (i: number) => query(i % 2 === 0 ? 'www.example.test' : `n${i}.example.test`),
      { totalPerSecond: 20 },
    ],
  ])('I24 limits answers for %s together, however many names are made up', async (_what, make, limits) => {
    const { port } = await serve({ rateLimit: { exempt: [], slip: 0, ...limits } });
    const started = performance.now();
    const answers = await flood(port, 200, (i) => withId(make(i), i), '127.1.1.1');
    const seconds = (performance.now() - started) / 1_000;
    expect(answers.length).toBeGreaterThanOrEqual(20);
    expect(answers.length).toBeLessThanOrEqual(20 * (2 + seconds));
  });

  it('does not hold for who has a valid cookie, and gives one to who is limited and shows a client cookie', async () => {
    const { port } = await serve(limited());
    const learned = await learnCookie(port); // for 127.0.0.1
    const proved = query('www.example.test', { options: cookie(learned) });
    const answers = await flood(port, 200, (i) => withId(proved, i), '127.0.0.1');
    expect(answers.filter((bytes) => decodeMessage(bytes).answers.length === 1)).toHaveLength(200);

    const unproved = query('www.example.test', { options: cookie(CLIENT_COOKIE) });
    const limitedAnswers = await flood(port, 200, (i) => withId(unproved, i), '127.1.1.1');
    const last = limitedAnswers.at(-1);
    const slip = last === undefined ? undefined : decodeMessage(last);
    expect(slip).toMatchObject({ rcode: RCODE.BADCOOKIE, answers: [] });
    const fresh = slip === undefined ? '' : (optionOf(slip, EDNS_OPTION.COOKIE) ?? '');
    const again = query('www.example.test', { options: cookie(fresh) });
    expect((await ask(port, again, '127.1.1.1')).answers).toHaveLength(1);
  });

  it('does not hold over TCP, nor for exempt networks, which loopback is by default', async () => {
    const { port } = await serve(limited());
    const message = query('www.example.test');
    await flood(port, 100, (i) => withId(message, i), '127.0.0.1');
    expect((await askTcp(port, message)).answers).toHaveLength(1);
    const byDefault = await serve({ rateLimit: { answersPerSecond: 20 } });
    expect(await flood(byDefault.port, 200, (i) => withId(message, i), '127.1.1.1')).toHaveLength(200);
  });

  it('only counts in log mode', async () => {
    const warnings: string[] = [];
    const log = { warn: (_: object, message: string) => void warnings.push(message) };
    const { server, port } = await serve(limited({ mode: 'log' }), { log });
    const message = query('www.example.test');
    const answers = await flood(port, 200, (i) => withId(message, i), '127.1.1.1');
    expect(answers.filter((bytes) => decodeMessage(bytes).answers.length === 1)).toHaveLength(200);
    expect(warnings).toEqual([containing('would be limited')]);
    const family = server.stats().families.find(({ name }) => name === 'portolan_dns_rate_limited_total');
    const logged = family?.samples.find(({ labels }) => labels?.kind === 'answer' && labels.action === 'log');
    expect(logged?.value).toBeGreaterThanOrEqual(140);
  });

  it('can be off', async () => {
    const { port } = await serve(limited({ mode: 'off' }));
    const message = query('www.example.test');
    expect(await flood(port, 200, (i) => withId(message, i), '127.1.1.1')).toHaveLength(200);
  });
});

describe('who answers', () => {
  const nsid = [{ code: EDNS_OPTION.NSID, data: new Uint8Array() }];

  it('is said in NSID (RFC 5001) where it is set and asked for', async () => {
    const named = await serve({ nsid: 'fra1-a' });
    const reply = await ask(named.port, query('www.example.test', { options: nsid }));
    expect(optionOf(reply, EDNS_OPTION.NSID)).toBe(Buffer.from('fra1-a').toString('hex'));
    expect(optionOf(await ask(named.port, query('www.example.test')), EDNS_OPTION.NSID)).toBeUndefined();
    const { port } = await serve();
    expect(
      optionOf(await ask(port, query('www.example.test', { options: nsid })), EDNS_OPTION.NSID),
    ).toBeUndefined();
  });

  it('is said in class CHAOS as well; the version is not', async () => {
    const chaos = (name: string, type: number = TYPE.TXT) => query(name, { type, class: CLASS.CH });
    const named = await serve({ nsid: 'fra1-a' });
    for (const name of ['id.server', 'HOSTNAME.bind']) {
      const reply = await ask(named.port, chaos(name));
      expect(textOf(reply)).toBe('fra1-a');
      expect(reply.answers[0]).toMatchObject({ class: CLASS.CH, ttlSeconds: 0 });
    }
    expect((await ask(named.port, chaos('version.bind'))).rcode).toBe(RCODE.REFUSED);
    expect((await ask(named.port, chaos('id.server', TYPE.A))).rcode).toBe(RCODE.REFUSED);
    const { port } = await serve();
    expect((await ask(port, chaos('id.server'))).rcode).toBe(RCODE.REFUSED);
  });
});

describe('extended errors (RFC 8914)', () => {
  const codeIn = (message: Message): string | undefined => optionOf(message, EDNS_OPTION.EDE);
  const hex = (code: number): string => code.toString(16).padStart(4, '0');

  it('say why, as a number', async () => {
    const { port } = await serve();
    expect(codeIn(await ask(port, query('www.example.org')))).toBe(hex(EXTENDED_ERROR.NOT_AUTHORITATIVE));
    expect(codeIn(await ask(port, query('example.test', { type: TYPE.MAILB })))).toBe(
      hex(EXTENDED_ERROR.NOT_SUPPORTED),
    );
    expect(codeIn(await ask(port, query('www.example.test', { class: CLASS.HS })))).toBe(
      hex(EXTENDED_ERROR.PROHIBITED),
    );
    expect(codeIn(await ask(port, query('www.example.test', { type: TYPE.NXNAME })))).toBe(
      hex(EXTENDED_ERROR.INVALID_QUERY_TYPE),
    );
    expect(codeIn(await ask(port, query('www.example.test')))).toBeUndefined();
    const early = await serve({}, { table: () => undefined });
    expect(codeIn(await ask(early.port, query('www.example.test')))).toBe(hex(EXTENDED_ERROR.NOT_READY));
  });

  it('say nothing where they are off, or without EDNS', async () => {
    const { port } = await serve({ extendedErrors: false });
    expect(codeIn(await ask(port, query('www.example.org')))).toBeUndefined();
    const on = await serve();
    expect((await ask(on.port, { ...query('www.example.org'), edns: undefined })).edns).toBeUndefined();
  });
});

describe('the idle timeout (RFC 7828)', () => {
  const keepalive = [{ code: EDNS_OPTION.TCP_KEEPALIVE, data: new Uint8Array() }];

  it('is told over TCP to who asks, and never over UDP', async () => {
    const { port } = await serve({}, { tcp: { idleMs: 12_000 } });
    const message = query('www.example.test', { options: keepalive });
    expect(optionOf(await askTcp(port, message), EDNS_OPTION.TCP_KEEPALIVE)).toBe('0078');
    expect(
      optionOf(await askTcp(port, query('www.example.test')), EDNS_OPTION.TCP_KEEPALIVE),
    ).toBeUndefined();
    expect(optionOf(await ask(port, message), EDNS_OPTION.TCP_KEEPALIVE)).toBeUndefined();
  });
});

describe('padding', () => {
  it('is not added where everybody can read the answer', async () => {
    const { port } = await serve();
    const options = [{ code: EDNS_OPTION.PADDING, data: new Uint8Array(3) }];
    expect(
      optionOf(await ask(port, query('www.example.test', { options })), EDNS_OPTION.PADDING),
    ).toBeUndefined();
  });
});

async function askTcp(port: number, message: Message): Promise<Message> {
  const socket = connect({ port, host: '127.0.0.1' });
  cleanUp.push(() => void socket.destroy());
  const bytes = encodeMessage(message);
  socket.write(Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]));
  return new Promise((resolve, reject) => {
    let pending = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      if (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        socket.destroy();
        resolve(decodeMessage(pending.subarray(2)));
      }
    });
  });
}
