import { afterEach, describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { type DnsFront, startDnsFront } from '../../test/fakes/dns-front.ts';
import { createAsk } from './ask.ts';
import type { AuthoritativeServer } from './authoritative.ts';

const WWW = parseName('www.example.com');
let front: DnsFront | undefined;
afterEach(async () => {
  await front?.close();
  front = undefined;
});

function server({ address, port }: Pick<DnsFront, 'address' | 'port'>): AuthoritativeServer {
  return { label: 'ns1', address, port };
}

describe('asking an authoritative server', () => {
  it('goes over to TCP when the answer was cut', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `"${String(i).padStart(200, 'x')}"`);
    const over: string[] = [];
    front = await startDnsFront({
      answer: ({ transport }) => {
        over.push(transport);
        return { answers: texts.map((data) => ({ name: WWW, type: 'TXT', ttlSeconds: 60, data })) };
      },
    });
    const observed = await createAsk(4)(server(front), { name: WWW, type: 'TXT' });
    expect(over).toEqual(['udp', 'tcp']);
    expect(observed.kind === 'answer' ? observed.records.length : observed).toBe(20);
  });

  it('asks again when a datagram is lost', async () => {
    let asked = 0;
    front = await startDnsFront({
      answer: () => {
        asked += 1;
        return asked === 1
          ? undefined
          : { answers: [{ name: WWW, type: 'A', ttlSeconds: 60, data: '192.0.2.1' }] };
      },
    });
    const observed = await createAsk(4)(server(front), { name: WWW, type: 'A' });
    expect(observed).toMatchObject({
      kind: 'answer',
      authoritative: true,
      records: [{ type: TYPE.A, data: '192.0.2.1' }],
    });
  });

  it('never has more questions under way than it may', async () => {
    let running = 0;
    let most = 0;
    front = await startDnsFront({
      answer: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        return { answers: [] };
      },
    });
    const ask = createAsk(3);
    const to = server(front);
    await Promise.all(Array.from({ length: 30 }, () => ask(to, { name: WWW, type: 'A' })));
    expect(most).toBeLessThanOrEqual(3);
    expect(most).toBeGreaterThan(0);
  });

  it('says why a server is silent', async () => {
    front = await startDnsFront({ answer: () => ({ answers: [] }) });
    const gone = server(front);
    await front.close();
    front = undefined;
    const observed = await createAsk(1)(gone, { name: WWW, type: 'A' });
    expect(observed).toMatchObject({ kind: 'silent' });
  });
});
