import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import { AnswerTable } from '../src/dns/table.ts';
import { findTsig, verifyRequest } from '../src/dns/tsig.ts';
import { OPCODE, RCODE, TYPE } from '../src/dns/types.ts';
import { decodeMessage, encodeMessage, type Message } from '../src/dns/wire/message.ts';
import { WireWriter } from '../src/dns/wire/writer.ts';
import { matching } from '../test/support/matchers.ts';
import { until } from '../test/support/until.ts';
import { createNotifier, type Notifier } from './notifier.ts';
import { Statistics } from './statistics.ts';
import { KEY, ORIGIN, planFor, zoneOf } from './testing/transfer-world.ts';

const cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0).reverse()) await undo();
});

interface Heard {
  readonly bytes: Uint8Array;
  readonly from: string;
  readonly message: Message;
}

/** A secondary that hears NOTIFY and answers by `answer`. */
async function secondary(
  answer: (heard: Heard, reply: (bytes: Uint8Array) => void) => void,
): Promise<{ readonly port: number; readonly heard: Heard[] }> {
  const socket: Socket = createSocket('udp4');
  const heard: Heard[] = [];
  socket.on('message', (bytes: Buffer, peer: RemoteInfo) => {
    const one = {
      bytes: new Uint8Array(bytes),
      from: peer.address,
      message: decodeMessage(new Uint8Array(bytes)),
    };
    heard.push(one);
    answer(one, (reply) => socket.send(reply, peer.port, peer.address));
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  cleanUp.push(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  return { port: socket.address().port, heard };
}

const acknowledgement = ({ message }: Heard, more: Partial<Message> = {}): Uint8Array =>
  encodeMessage({
    ...message,
    flags: { ...message.flags, response: true },
    answers: [],
    additionals: [],
    edns: undefined,
    ...more,
  });

function notify(ports: readonly number[], tsigSecret?: string, listen?: readonly string[]) {
  let table = new AnswerTable([zoneOf(1, [])]);
  const warnings: string[] = [];
  const statistics = new Statistics();
  const plan = planFor({
    notify: ports.map((port) => ({
      address: '127.0.0.1',
      port,
      ...(tsigSecret === undefined ? {} : { tsigSecret }),
    })),
  });
  const notifier: Notifier = createNotifier({
    table: () => table,
    plan: () => plan,
    now: () => performance.now(),
    wallMs: Date.now,
    counters: statistics.counters,
    log: { warn: (_, text) => warnings.push(text) },
    firstRetryMs: 10,
    listen,
  });
  cleanUp.push(() => notifier.close());
  return {
    notifier,
    warnings,
    serve: (serial: number) => {
      table = new AnswerTable([zoneOf(serial, [])]);
    },
    outcomes: () =>
      statistics
        .read()
        .families.find(({ name }) => name === 'portolan_dns_notifies_total')
        ?.samples.map(({ labels, value }) => `${labels?.outcome} ${value}`) ?? [],
  };
}

describe('a secondary', () => {
  it('is told at the start and of every new serial, once it has acknowledged', async () => {
    const { port, heard } = await secondary((one, reply) => reply(acknowledgement(one)));
    const { notifier, serve, outcomes } = notify([port]);
    await until('it is told', async () => heard.length === 1 && notifier.pending === 0, 20_000);
    serve(2);
    await until('it is told again', async () => heard.length === 2 && notifier.pending === 0, 20_000);
    expect(heard.map(({ message }) => message)).toMatchObject(
      [1, 2].map((serial) => ({
        opcode: OPCODE.NOTIFY,
        flags: { response: false, authoritative: true },
        questions: [{ name: ORIGIN, type: TYPE.SOA }],
        answers: [{ name: ORIGIN, rdata: { type: 'SOA', serial } }],
      })),
    );
    expect(outcomes()).toEqual(['acknowledged 2']);
  });

  it.each([
    ['the one address the server listens on', ['127.0.0.2'], '127.0.0.2'],
    ['that address, whatever it listens on in IPv6', ['::1', '127.0.0.2'], '127.0.0.2'],
    ['what the system chooses, with several addresses', ['127.0.0.2', '127.0.0.3'], '127.0.0.1'],
    ['what the system chooses, listening everywhere', ['0.0.0.0'], '127.0.0.1'],
    ['what the system chooses, where that address does not lead', ['192.0.2.1'], '127.0.0.1'],
    ['what the system chooses, with nothing in its family', ['::1'], '127.0.0.1'],
  ])('is told from %s', async (_, listen, from) => {
    const { port, heard } = await secondary((one, reply) => reply(acknowledgement(one)));
    const { notifier, outcomes } = notify([port], undefined, listen);
    await until('it is told', async () => heard.length === 1 && notifier.pending === 0, 20_000);
    expect(heard[0]?.from).toBe(from);
    expect(outcomes()).toEqual(['acknowledged 1']);
  });

  it('that loses messages is told again, with growing pauses', async () => {
    const at: number[] = [];
    const { port, heard } = await secondary((one, reply) => {
      at.push(performance.now());
      if (at.length === 3) reply(acknowledgement(one));
    });
    const { notifier } = notify([port]);
    await until('it acknowledged', async () => heard.length === 3 && notifier.pending === 0, 20_000);
    expect(new Set(heard.map(({ message }) => message.id)).size).toBe(3);
  });

  it('that stays silent is left alone after six messages, until the next version', async () => {
    const { port, heard } = await secondary(() => undefined);
    const { notifier, warnings, serve, outcomes } = notify([port]);
    await until('it is given up', async () => warnings.length === 1, 15_000);
    expect(warnings[0]).toEqual(matching(/does not acknowledge NOTIFY/));
    expect([heard.length, notifier.pending, outcomes()]).toEqual([6, 0, ['silent 1']]);
    serve(2);
    await until('it is told of the next version', async () => heard.length > 6, 20_000);
  }, 30_000);

  it('that refuses is not asked again, and somebody reads why', async () => {
    const { port, heard } = await secondary((one, reply) =>
      reply(acknowledgement(one, { rcode: RCODE.NOTAUTH })),
    );
    const { notifier, warnings, outcomes } = notify([port]);
    await until('it is heard', async () => notifier.pending === 0 && heard.length === 1, 20_000);
    expect(warnings).toEqual([matching(/refuses NOTIFY/)]);
    expect(outcomes()).toEqual(['refused 1']);
  });

  it('is not believed when its answer is to something else', async () => {
    const { port, heard } = await secondary((one, reply) => {
      reply(Buffer.from('no message'));
      reply(one.bytes); // the question itself
      reply(acknowledgement(one, { id: one.message.id ^ 1 }));
      reply(acknowledgement(one, { opcode: OPCODE.QUERY }));
      reply(acknowledgement(one, { questions: [] }));
    });
    notify([port]);
    await until('it is asked again', async () => heard.length >= 2, 20_000);
  });
});

describe('a signed NOTIFY', () => {
  it('is verified by the key, and only a signed acknowledgement counts', async () => {
    let signs = false;
    const { port, heard } = await secondary((one, reply) => {
      const found = findTsig(one.bytes);
      if (found.kind !== 'found') return;
      const keys = new Map([[KEY.name, [KEY]]]);
      const now = Math.floor(Date.now() / 1000);
      const verdict = verifyRequest(one.bytes, found.record, keys, now);
      if (verdict.kind !== 'verified') return;
      const writer = new WireWriter();
      writer.octets(acknowledgement(one));
      if (signs) verdict.chain.sign(writer, now);
      signs = true;
      reply(new Uint8Array(writer.buffer.subarray(0, writer.offset)));
    });
    const { notifier, warnings } = notify([port], 'copies');
    await until('it is believed', async () => notifier.pending === 0, 20_000);
    expect(heard.length).toBe(2);
    expect(warnings).toEqual([matching(/acknowledgement of NOTIFY is not taken/)]);
  });

  it('is not sent at all when the key is not there', async () => {
    const { port, heard } = await secondary(() => undefined);
    const told = await secondary((one, reply) => reply(acknowledgement(one)));
    notify([port], 'gone');
    const { notifier } = notify([told.port]);
    await until('another one is told', async () => told.heard.length === 1 && notifier.pending === 0, 20_000);
    expect(heard).toEqual([]);
  });
});
