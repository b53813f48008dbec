import { describe, expect, it } from 'vitest';
import type { DnsQuestion, DnsReply } from '../../nameserver/ask.ts';
import { parseName } from '../../src/dns/name.ts';
import { CLASS, RCODE, TYPE } from '../../src/dns/types.ts';
import { makeQuery } from '../../src/dns/wire/message.ts';
import { PortolanError } from '../../src/errors/error.ts';
import { createParentLook } from './parent-look.ts';

const ORIGIN = parseName('shop.example.com');

interface Said {
  readonly digests?: readonly string[];
  readonly rcode?: number;
  readonly authoritative?: boolean;
  readonly truncated?: boolean;
}

/** Servers by host; one that is not named does not answer. */
const asking =
  (servers: Readonly<Record<string, Said>>, asked: string[] = []) =>
  async ({ host, port, name, type }: DnsQuestion): Promise<DnsReply> => {
    asked.push(`${host}:${port} ${name} ${type}`);
    const said = servers[host];
    if (said === undefined) throw new PortolanError('NAME_SERVER_SILENT', `${host} did not answer`);
    const query = makeQuery(0, { name, type, class: CLASS.IN });
    const flags = { ...query.flags, response: true, authoritative: said.authoritative ?? true };
    const answers = (said.digests ?? []).map((digest) => ({
      name,
      type,
      class: CLASS.IN,
      ttlSeconds: 3600,
      rdata: {
        type: 'DS' as const,
        keyTag: 7,
        algorithm: 13,
        digestType: 2,
        digest: new Uint8Array(Buffer.from(digest, 'hex')),
      },
    }));
    const rcode = said.rcode ?? RCODE.NOERROR;
    return { rcode, answers: [], truncated: said.truncated ?? false, message: { ...query, flags, answers } };
  };

describe('a look at the parent', () => {
  it('asks every server of the closest zone above for the DS, and keeps what each said', async () => {
    const asked: string[] = [];
    const zones: string[] = [];
    const look = createParentLook({
      servers: {},
      wallMs: () => 5,
      ask: asking({ one: { digests: ['ab01'] }, two: {} }, asked),
      serversOf: async (zone) => {
        zones.push(zone);
        return zone === 'com.' ? ['one', 'two'].map((host) => ({ host, port: 53 })) : undefined;
      },
    });
    expect(await look(ORIGIN)).toEqual({
      atMs: 5,
      servers: [
        {
          address: 'one',
          ds: [{ keyTag: 7, algorithm: 13, digestType: 2, digest: 'ab01' }],
          ttlSeconds: 3600,
        },
        { address: 'two', ds: [], ttlSeconds: 0 },
      ],
    });
    expect(zones).toEqual(['example.com.', 'com.']);
    expect(asked).toEqual([`one:53 ${ORIGIN} ${TYPE.DS}`, `two:53 ${ORIGIN} ${TYPE.DS}`]);
  });

  it.each<[string, Said, object]>([
    ['does not know the zone', { rcode: RCODE.NXDOMAIN }, { ds: [], ttlSeconds: 0 }],
    ['refuses', { rcode: RCODE.REFUSED }, { error: 'it answers REFUSED' }],
    [
      'answers from a cache',
      { authoritative: false, digests: ['ab'] },
      { error: 'it is not authoritative for the parent' },
    ],
    ['cuts its answer short', { truncated: true }, { error: 'its answer is cut short' }],
  ])('takes a server that %s for what it is', async (_what, said, seen) => {
    const servers = { [ORIGIN]: [{ host: 'given', port: 5353 }] };
    const look = createParentLook({ servers, wallMs: () => 5, ask: asking({ given: said }) });
    expect((await look(ORIGIN)).servers).toEqual([{ address: 'given port 5353', ...seen }]);
  });

  it('never rejects: a server that is silent and a parent that is not found are in the view', async () => {
    const servers = { [ORIGIN]: [{ host: 'silent', port: 53 }] };
    const asked: string[] = [];
    const look = createParentLook({ servers, wallMs: () => 5, ask: asking({}, asked) });
    expect((await look(ORIGIN)).servers).toEqual([{ address: 'silent', error: 'silent did not answer' }]);
    expect(asked).toHaveLength(2);
    const lost = createParentLook({ servers: {}, wallMs: () => 5, serversOf: async () => undefined });
    expect((await lost(ORIGIN)).servers).toMatchObject([{ address: 'the parent' }]);
  });
});
