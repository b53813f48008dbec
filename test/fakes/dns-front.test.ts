import { afterEach, describe, expect, it } from 'vitest';
import { askNameServer, type DnsReply } from '../../nameserver/ask.ts';
import { type ClientAddress, formatClient } from '../../src/dns/client.ts';
import { parseName } from '../../src/dns/name.ts';
import { RCODE, TYPE } from '../../src/dns/types.ts';
import { country, type DnsFront, type FrontAnswer, startDnsFront } from './dns-front.ts';

let front: DnsFront | undefined;
afterEach(async () => {
  await front?.close();
  front = undefined;
});

const WWW = parseName('www.example.com');

function ask(
  to: DnsFront,
  transport: 'udp' | 'tcp',
  subnet?: ClientAddress,
  type: number = TYPE.A,
): Promise<DnsReply> {
  return askNameServer({
    host: to.address,
    port: to.port,
    name: WWW,
    type,
    timeoutMs: 2000,
    transport,
    ...(subnet === undefined ? {} : { subnet }),
  });
}

function records(data: readonly string[], type = 'A'): FrontAnswer {
  return { answers: data.map((value) => ({ name: WWW, type, ttlSeconds: 60, data: value })) };
}

describe('the DNS side of a fake cloud', () => {
  it.each(['udp', 'tcp'] as const)('answers over %s what the function says', async (transport) => {
    front = await startDnsFront({
      answer: ({ name, type, transport: over }) => {
        expect([name, type, over]).toEqual([WWW, 'A', transport]);
        return records(['192.0.2.1', '192.0.2.2']);
      },
    });
    const reply = await ask(front, transport);
    expect(reply.rcode).toBe(RCODE.NOERROR);
    expect(reply.message.flags.authoritative).toBe(true);
    expect(reply.answers).toEqual([
      { name: WWW, type: TYPE.A, ttlSeconds: 60, data: '192.0.2.1' },
      { name: WWW, type: TYPE.A, ttlSeconds: 60, data: '192.0.2.2' },
    ]);
  });

  it('sees the client subnet of a query, and knows its country', async () => {
    const seen: string[] = [];
    front = await startDnsFront({
      answer: async ({ client }) => {
        seen.push(`${formatClient(client)} ${client.source} ${await country(client)}`);
        return records(['192.0.2.1']);
      },
    });
    await ask(front, 'udp', {
      family: 4,
      bytes: Uint8Array.of(193, 0, 6, 0),
      prefixLength: 24,
      source: 'ecs',
    });
    await ask(front, 'udp');
    expect(seen).toEqual(['193.0.6.0/24 ecs NL', '127.0.0.1/32 resolver undefined']);
  });

  it('cuts over UDP what is too long, and sends it over TCP', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `"${String(i).padStart(200, 'x')}"`);
    front = await startDnsFront({ answer: () => records(texts, 'TXT') });
    const short = await ask(front, 'udp', undefined, TYPE.TXT);
    expect([short.truncated, short.answers.length]).toEqual([true, 0]);
    const long = await ask(front, 'tcp', undefined, TYPE.TXT);
    expect([long.truncated, long.answers.length]).toEqual([false, 20]);
  });

  it('answers SERVFAIL when the function fails, and is silent when it says nothing', async () => {
    front = await startDnsFront({
      answer: ({ transport }) => (transport === 'tcp' ? Promise.reject(new Error('down')) : undefined),
    });
    expect((await ask(front, 'tcp')).rcode).toBe(RCODE.SERVFAIL);
    await expect(
      askNameServer({ host: front.address, port: front.port, name: WWW, type: TYPE.A, timeoutMs: 50 }),
    ).rejects.toMatchObject({ code: 'NAME_SERVER_SILENT' });
  });
});
