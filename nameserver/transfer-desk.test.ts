import { afterEach, describe, expect, it } from 'vitest';
import { parseName } from '../src/dns/name.ts';
import { formatRdata, parseRdata } from '../src/dns/records/catalogue.ts';
import { findTsig, signRequest, TSIG_ERROR } from '../src/dns/tsig.ts';
import { CLASS, OPCODE, RCODE, TYPE } from '../src/dns/types.ts';
import { decodeMessage, encodeMessage, type Message, makeQuery } from '../src/dns/wire/message.ts';
import type { Zone } from '../src/dns/zone.ts';
import { until } from '../test/support/until.ts';
import {
  askUdp,
  frame,
  framesOf,
  KEY,
  manyRecords,
  ORIGIN,
  open,
  type Primary,
  planFor,
  STRANGER,
  startPrimary,
  zoneOf,
} from './testing/transfer-world.ts';
import { transferZone } from './transfer-client.ts';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

async function start(...given: Parameters<typeof startPrimary>): Promise<Primary> {
  const primary = await startPrimary(...given);
  cleanUp.push(() => primary.close());
  return primary;
}

const BY_ADDRESS = planFor({ allow: [{ ranges: ['127.0.0.0/8'] }] });
const BY_KEY = planFor({ allow: [{ tsigSecret: 'copies' }] });
const NOW_SECONDS = (): number => Math.floor(Date.now() / 1000);

const axfr = (id = 1): Message => makeQuery(id, { name: ORIGIN, type: TYPE.AXFR, class: CLASS.IN });
const ixfr = (serial: number, id = 1): Message => ({
  ...makeQuery(id, { name: ORIGIN, type: TYPE.IXFR, class: CLASS.IN }),
  authorities: [
    {
      name: ORIGIN,
      type: TYPE.SOA,
      class: CLASS.IN,
      ttlSeconds: 0,
      rdata: parseRdata(TYPE.SOA, `. . ${serial} 0 0 0 0`),
    },
  ],
});

/** The one message that answers this over TCP. */
async function askTcp(port: number, message: Uint8Array): Promise<Uint8Array> {
  const socket = await open(port);
  cleanUp.push(() => void socket.destroy());
  const frames = framesOf(socket, ({ length }) => length > 0);
  socket.write(frame(message));
  const [reply] = await frames;
  if (reply === undefined) throw new Error('no reply');
  return reply;
}

/** `SOA n` and owner names, in the order of the answer sections. */
function shapeOf(messages: readonly Uint8Array[]): readonly string[] {
  return messages
    .flatMap((bytes) => decodeMessage(bytes).answers)
    .map(({ name, rdata }) => (rdata.type === 'SOA' ? `SOA ${rdata.serial}` : name));
}

/** The messages of a transfer over TCP: until the SOA that began it comes again at the end. */
async function fetchAll(port: number, message: Uint8Array): Promise<readonly Uint8Array[]> {
  const socket = await open(port);
  cleanUp.push(() => void socket.destroy());
  const frames = framesOf(socket, (got) => {
    const shape = shapeOf(got);
    const [soa, second = ''] = shape;
    // With differences the SOA of this version stands before what the last one adds, too.
    const wanted = second.startsWith('SOA') ? 3 : 2;
    return shape.at(-1) === soa && shape.filter((one) => one === soa).length === wanted;
  });
  socket.write(frame(message));
  return frames;
}

const errorOf = (reply: Uint8Array): unknown => {
  const found = findTsig(reply);
  return found.kind === 'found'
    ? { error: found.record.error, signed: found.record.mac.length > 0 }
    : found.kind;
};

describe('AXFR', () => {
  it('gives the whole zone to whoever is allowed, by address or by key', async () => {
    const zone = zoneOf(7, manyRecords(1000));
    for (const [plan, tsig] of [
      [BY_ADDRESS, undefined],
      [BY_KEY, KEY],
    ] as const) {
      const primary = await start(plan, [zone]);
      const got: string[] = [];
      for await (const { name, rdata } of transferZone({
        address: '127.0.0.1',
        port: primary.port,
        zone: ORIGIN,
        tsig,
      }))
        got.push(`${name} ${formatRdata(rdata)}`);
      expect(got).toHaveLength(1002);
      expect(got[0]).toMatch(/^example\.test\. ns\.example\.net\. .* 7 /);
      expect(new Set(got).size).toBe(1002);
      await until('it is counted', async () => primary.transfers('AXFR', 'sent') === 1, 20_000);
    }
  });

  it('is refused to everybody else: REFUSED by address, NOTAUTH by key, and for what is no zone of ours', async () => {
    const other = parseName('other.test');
    const plan = planFor({
      allow: [{ ranges: ['192.0.2.0/24'] }, { tsigSecret: 'copies' }, { tsigSecret: 'gone' }],
    });
    const primary = await start(plan, [zoneOf(1, []), zoneOf(1, [], other)]);
    const rcodeOf = async (message: Uint8Array): Promise<number> =>
      decodeMessage(await askTcp(primary.port, message)).rcode;
    const of = (name: string): Uint8Array =>
      encodeMessage(makeQuery(1, { name: parseName(name), type: TYPE.AXFR, class: CLASS.IN }));
    expect(await rcodeOf(of('example.test'))).toBe(RCODE.REFUSED);
    expect(await rcodeOf(of('other.test'))).toBe(RCODE.REFUSED);
    expect(await rcodeOf(of('www.example.test'))).toBe(RCODE.NOTAUTH);
    expect(await rcodeOf(of('elsewhere.test'))).toBe(RCODE.NOTAUTH);
    const forged = await askTcp(
      primary.port,
      signRequest(of('example.test'), STRANGER, NOW_SECONDS()).message,
    );
    expect(decodeMessage(forged).rcode).toBe(RCODE.NOTAUTH);
    expect(errorOf(forged)).toEqual({ error: TSIG_ERROR.BADSIG, signed: false });
    expect(primary.transfers('AXFR', 'sent')).toBe(0);
  });

  it('needs both the address and the key when a rule names both', async () => {
    const far = planFor({ allow: [{ ranges: ['192.0.2.0/24'], tsigSecret: 'copies' }] });
    const primary = await start(far, [zoneOf(1, [])]);
    const reply = await askTcp(primary.port, signRequest(encodeMessage(axfr()), KEY, NOW_SECONDS()).message);
    expect(decodeMessage(reply).rcode).toBe(RCODE.REFUSED);
    expect(errorOf(reply)).toEqual({ error: 0, signed: true });
  });

  it('over UDP is FORMERR', async () => {
    const primary = await start(BY_ADDRESS, [zoneOf(1, [])]);
    expect(decodeMessage(await askUdp(primary.port, encodeMessage(axfr()))).rcode).toBe(RCODE.FORMERR);
  });

  it('keeps the version it began with while newer ones are swapped in', async () => {
    const primary = await start(BY_ADDRESS, [zoneOf(1, manyRecords(5000))]);
    let soas = 0;
    let count = 0;
    for await (const { rdata } of transferZone({ address: '127.0.0.1', port: primary.port, zone: ORIGIN })) {
      count += 1;
      if (rdata.type === 'SOA') soas += rdata.serial;
      if (count % 500 === 0) primary.serve(zoneOf(count, []));
    }
    expect([soas, count]).toEqual([1, 5002]);
  });

  it('makes no more of the zone than the client reads, and answers others meanwhile', async () => {
    const zone = zoneOf(1, manyRecords(1));
    let made = 0;
    const endless: Zone = {
      ...zone,
      nodes: {
        size: zone.nodes.size,
        get: (name) => zone.nodes.get(name),
        *values() {
          const [node] = zone.nodes.values();
          if (node === undefined) return;
          for (;;) {
            made += 1;
            yield node;
          }
        },
      },
    };
    const primary = await start(BY_ADDRESS, [endless]);
    const slow = await open(primary.port);
    cleanUp.push(() => void slow.destroy());
    slow.pause();
    slow.write(frame(encodeMessage(axfr())));
    const query = encodeMessage(makeQuery(3, { name: ORIGIN, type: TYPE.SOA, class: CLASS.IN }));
    let before = -1;
    const { value: stopped } = await until(
      'the transfer waits for the client',
      async () => {
        expect(decodeMessage(await askUdp(primary.port, query)).answers).toHaveLength(1);
        const same = made > 0 && made === before;
        before = made;
        return same && made;
      },
      20_000,
      200,
    );
    // What the kernel takes for a connection, and a few messages.
    expect(stopped * 40).toBeLessThan(32 << 20);
    slow.destroy();
    await until('the transfer is given up', async () => primary.transfers('AXFR', 'aborted') === 1, 10_000);
  });

  it('is cut off when the client reads nothing for the idle time', async () => {
    const primary = await start(BY_ADDRESS, [zoneOf(1, manyRecords(20_000))], { idleMs: 300 });
    const reading = await open(primary.port);
    cleanUp.push(() => void reading.destroy());
    const whole = framesOf(reading, (got) => shapeOf(got.slice(-1)).at(-1) === 'SOA 1' && got.length > 50);
    reading.write(frame(encodeMessage(axfr())));
    await whole;
    const zone = zoneOf(1, []);
    const endless: Zone = {
      ...zone,
      nodes: {
        size: 1,
        get: () => zone.apex,
        *values() {
          for (;;) yield zone.apex;
        },
      },
    };
    primary.serve(endless);
    const stuck = await open(primary.port);
    cleanUp.push(() => void stuck.destroy());
    stuck.pause();
    stuck.write(frame(encodeMessage(axfr())));
    await until('the transfer is cut', async () => primary.transfers('AXFR', 'aborted') === 1, 10_000);
  }, 20_000);

  it('shares its connection with other queries, which are answered in between', async () => {
    const primary = await start(BY_ADDRESS, [zoneOf(1, manyRecords(20_000))]);
    const socket = await open(primary.port);
    cleanUp.push(() => void socket.destroy());
    const ids: number[] = [];
    const frames = framesOf(socket, (got) => {
      for (const bytes of got.slice(ids.length)) ids.push(decodeMessage(bytes).id);
      return shapeOf(got.slice(-1)).at(-1) === 'SOA 1' && got.length > 50;
    });
    const soa = encodeMessage(makeQuery(2, { name: ORIGIN, type: TYPE.NS, class: CLASS.IN }));
    socket.write(Buffer.concat([frame(encodeMessage(axfr(1))), frame(soa)]));
    await frames;
    expect(ids.filter((id) => id === 2)).toHaveLength(1);
    expect(ids.indexOf(2)).toBeLessThan(ids.lastIndexOf(1));
  });

  it('is SERVFAIL beyond the number that may be sent at one time', async () => {
    const primary = await start(BY_ADDRESS, [zoneOf(1, manyRecords(20_000))], {
      limits: { overall: 10, perSource: 2 },
    });
    for (let i = 0; i < 2; i += 1) {
      const busy = await open(primary.port);
      cleanUp.push(() => void busy.destroy());
      const begun = framesOf(busy, ({ length }) => length > 0);
      busy.write(frame(encodeMessage(axfr())));
      await begun;
      busy.pause();
    }
    const third = decodeMessage(await askTcp(primary.port, encodeMessage(axfr())));
    expect(third.rcode).toBe(RCODE.SERVFAIL);
  });
});

describe('IXFR', () => {
  it('gives the differences since the serial of the client, each with its SOAs', async () => {
    const primary = await start(BY_ADDRESS, [zoneOf(1, [{ name: 'a', type: 'A', data: ['192.0.2.1'] }])]);
    await fetchAll(primary.port, encodeMessage(axfr())); // somebody has the first version
    primary.serve(zoneOf(4, [{ name: 'b', type: 'A', data: ['192.0.2.1'] }]));
    const messages = await fetchAll(primary.port, encodeMessage(ixfr(1)));
    expect(shapeOf(messages)).toEqual([
      'SOA 4',
      'SOA 1',
      'a.example.test.',
      'SOA 4',
      'b.example.test.',
      'SOA 4',
    ]);
    await until('it is counted', async () => primary.transfers('IXFR', 'sent') === 1, 20_000);
  });

  it('gives the whole zone to a client whose version is not remembered', async () => {
    const primary = await start(BY_ADDRESS, [zoneOf(4, [{ name: 'b', type: 'A', data: ['192.0.2.1'] }])]);
    const messages = await fetchAll(primary.port, encodeMessage(ixfr(1)));
    expect(shapeOf(messages)).toEqual(['SOA 4', 'example.test.', 'b.example.test.', 'SOA 4']);
  });

  it('gives the SOA alone to a client that has this version or a newer one', async () => {
    const primary = await start(BY_ADDRESS, [zoneOf(4, manyRecords(3))]);
    for (const serial of [4, 5])
      expect(shapeOf([await askTcp(primary.port, encodeMessage(ixfr(serial)))])).toEqual(['SOA 4']);
  });

  it('over UDP gives what fits, else the SOA, so that the client comes over TCP', async () => {
    const primary = await start(BY_ADDRESS, [zoneOf(1, [])]);
    await fetchAll(primary.port, encodeMessage(ixfr(0)));
    primary.serve(zoneOf(2, manyRecords(2)));
    await fetchAll(primary.port, encodeMessage(ixfr(1)));
    expect(shapeOf([await askUdp(primary.port, encodeMessage(ixfr(1)))])).toEqual([
      'SOA 2',
      'SOA 1',
      'SOA 2',
      'host-0.example.test.',
      'host-1.example.test.',
      'SOA 2',
    ]);
    primary.serve(zoneOf(3, manyRecords(200)));
    await fetchAll(primary.port, encodeMessage(ixfr(2)));
    const reply = await askUdp(primary.port, encodeMessage(ixfr(1)));
    expect(shapeOf([reply])).toEqual(['SOA 3']);
    expect(decodeMessage(reply).flags.truncated).toBe(false);
  });

  it('over UDP counts against the limits of the network that asks: its address may be forged', async () => {
    const primary = await start(BY_ADDRESS, [zoneOf(1, [])], {
      settings: { rateLimit: { exempt: [], answersPerSecond: 2, slip: 1 } },
    });
    const truncated: boolean[] = [];
    for (let i = 0; i < 6; i += 1) {
      const reply = await askUdp(primary.port, encodeMessage(ixfr(1)));
      truncated.push(decodeMessage(reply).flags.truncated);
    }
    expect(truncated.slice(0, 2)).toEqual([false, false]);
    expect(truncated).toContain(true); // which tells a real secondary to come over TCP
    expect(shapeOf([await askTcp(primary.port, encodeMessage(ixfr(1)))])).toEqual(['SOA 1']);
  });

  it('without the serial of the client is FORMERR', async () => {
    const primary = await start(BY_ADDRESS, [zoneOf(1, [])]);
    const bare = encodeMessage(makeQuery(1, { name: ORIGIN, type: TYPE.IXFR, class: CLASS.IN }));
    expect(decodeMessage(await askTcp(primary.port, bare)).rcode).toBe(RCODE.FORMERR);
  });
});

describe('a signed message', () => {
  const soa = encodeMessage(makeQuery(9, { name: ORIGIN, type: TYPE.SOA, class: CLASS.IN }));

  it('of an ordinary query is answered signed, over UDP and TCP', async () => {
    const primary = await start(BY_KEY, [zoneOf(1, [])]);
    for (const ask of [askUdp, askTcp]) {
      const { message, answers } = signRequest(soa, KEY, NOW_SECONDS());
      const reply = await ask(primary.port, message);
      answers.accept(reply, NOW_SECONDS());
      expect(answers.complete).toBe(true);
      expect(decodeMessage(reply).answers).toHaveLength(1);
    }
  });

  it('stays below the size of the transport, signature included', async () => {
    const data = Array.from({ length: 14 }, (_, i) => `"${String(i).padStart(70, 'x')}"`);
    const primary = await start(BY_KEY, [zoneOf(1, [{ name: 'big', type: 'TXT', data }])]);
    const question = { name: parseName('big.example.test'), type: TYPE.TXT, class: CLASS.IN };
    const query = encodeMessage(makeQuery(9, question));
    const whole = decodeMessage(await askUdp(primary.port, query));
    expect([whole.flags.truncated, whole.answers.length]).toEqual([false, 14]);
    const { message, answers } = signRequest(query, KEY, NOW_SECONDS());
    const reply = await askUdp(primary.port, message);
    answers.accept(reply, NOW_SECONDS());
    expect(reply.length).toBeLessThanOrEqual(1232);
    expect(decodeMessage(reply).flags.truncated).toBe(true);
  });

  it('with an unknown key, a wrong secret or a wrong time is NOTAUTH and says which', async () => {
    const primary = await start(BY_KEY, [zoneOf(1, [])]);
    const unknown = { ...KEY, name: parseName('nobody.test') };
    const replyTo = async (...by: readonly [typeof KEY, number]): Promise<unknown> => {
      const reply = await askUdp(primary.port, signRequest(soa, ...by).message);
      const { rcode, answers } = decodeMessage(reply);
      return { rcode, answers: answers.length, tsig: errorOf(reply) };
    };
    const refused = { rcode: RCODE.NOTAUTH, answers: 0 };
    expect(await replyTo(unknown, NOW_SECONDS())).toEqual({
      ...refused,
      tsig: { error: TSIG_ERROR.BADKEY, signed: false },
    });
    expect(await replyTo(STRANGER, NOW_SECONDS())).toEqual({
      ...refused,
      tsig: { error: TSIG_ERROR.BADSIG, signed: false },
    });
    expect(await replyTo(KEY, NOW_SECONDS() - 1000)).toEqual({
      ...refused,
      tsig: { error: TSIG_ERROR.BADTIME, signed: true },
    });
  });

  it('with a TSIG record that cannot be read is FORMERR', async () => {
    const primary = await start(BY_KEY, [zoneOf(1, [])]);
    const { message } = signRequest(soa, KEY, NOW_SECONDS());
    const found = findTsig(message);
    const at = found.kind === 'found' ? found.record.at : 0;
    const ttl = at + 21 + 4; // name of 21 octets, type, class
    const broken = Uint8Array.from(message);
    broken[ttl] = 1;
    expect(decodeMessage(await askUdp(primary.port, broken)).rcode).toBe(RCODE.FORMERR);
  });
});

describe('NOTIFY', () => {
  it('is NOTAUTH: this server is the primary of what it serves', async () => {
    const primary = await start(BY_KEY, [zoneOf(1, [])]);
    const notify = {
      ...makeQuery(3, { name: ORIGIN, type: TYPE.SOA, class: CLASS.IN }),
      opcode: OPCODE.NOTIFY,
    };
    const reply = decodeMessage(await askUdp(primary.port, encodeMessage(notify)));
    expect(reply).toMatchObject({ id: 3, opcode: OPCODE.NOTIFY, rcode: RCODE.NOTAUTH });
    expect(reply.questions).toEqual(notify.questions);
  });
});
