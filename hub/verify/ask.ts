import { askNameServer } from '../../nameserver/ask.ts';
import type { ClientAddress } from '../../src/dns/client.ts';
import type { DomainName } from '../../src/dns/name.ts';
import { parseType } from '../../src/dns/types.ts';
import { messageOf } from '../../src/errors/error.ts';
import type { AuthoritativeServer } from './authoritative.ts';
import type { Observed } from './judge.ts';

export interface Question {
  readonly name: DomainName;
  readonly type: string;
  /** Sent as EDNS client subnet. */
  readonly from?: ClientAddress;
}

export type Ask = (server: AuthoritativeServer, question: Question) => Promise<Observed>;

const TIMEOUT_MS = 2_000;
/** A lost datagram is nothing to report. */
const UDP_TRIES = 2;

/** Asks over UDP, and over TCP when the answer was cut or none came. Never rejects. At most `atOnce` questions are under way. */
export function createAsk(atOnce: number): Ask {
  let running = 0;
  const waiting: (() => void)[] = [];

  async function turn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    running += 1;
    try {
      return await work();
    } finally {
      running -= 1;
      waiting.shift()?.();
    }
  }

  return (server, question) => turn(() => askOne(server, question));
}

async function askOne(server: AuthoritativeServer, { name, type, from }: Question): Promise<Observed> {
  const asked = {
    host: server.address,
    port: server.port,
    name,
    type: parseType(type) ?? 0,
    timeoutMs: TIMEOUT_MS,
    ...(from === undefined ? {} : { subnet: from }),
  };
  let why = '';
  for (let tries = 0; tries <= UDP_TRIES; tries += 1) {
    const last = tries === UDP_TRIES;
    try {
      let reply = await askNameServer({ ...asked, transport: last ? 'tcp' : 'udp' });
      if (reply.truncated && !last) reply = await askNameServer({ ...asked, transport: 'tcp' });
      const { flags } = reply.message;
      return {
        kind: 'answer',
        rcode: reply.rcode,
        authoritative: flags.authoritative,
        records: reply.answers,
      };
    } catch (error) {
      why = messageOf(error);
    }
  }
  return { kind: 'silent', why };
}
