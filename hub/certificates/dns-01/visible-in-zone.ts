import type { DomainName } from '../../../src/dns/name.ts';
import { RCODE } from '../../../src/dns/types.ts';
import { txtText } from '../../../src/plan/txt-value.ts';
import type { Resource } from '../../../src/resources/catalogue.ts';
import type { Ask } from '../../verify/ask.ts';
import type { AuthoritativeServer } from '../../verify/authoritative.ts';
import type { ChallengeTexts } from './texts.ts';

/** A name server of the hub or of an agent. */
export interface EmbeddedServer {
  /** For messages: `the hub`, `the agent of default/eu-1`. */
  readonly label: string;
  /** Content sequence that it confirmed. */
  readonly sequence: number;
  /** One that is away answers from what it had; it is not waited for, but asked. */
  readonly connected: boolean;
  /** Where it may be asked. */
  readonly addresses: readonly AuthoritativeServer[];
}

export interface InZoneOptions {
  readonly texts: ChallengeTexts;
  readonly servers: () => readonly EmbeddedServer[];
  /** Servers of the Zone by the addresses in it. */
  readonly others: (zone: Resource<'Zone'>) => readonly AuthoritativeServer[];
  readonly ask: Ask;
}

/** Looks whether a text in an embedded Zone is answered. One of these for each wait: it remembers when the text went live. */
export function createLookInZone({ texts, servers, others, ask }: InZoneOptions) {
  let since: number | undefined;

  /** @returns who lacks it, each a sentence; none: everybody has it */
  return async (zone: Resource<'Zone'>, at: DomainName, value: string): Promise<readonly string[]> => {
    const { live } = texts;
    const { namespace } = zone.metadata;
    const isLive = live?.texts.some(
      (text) => text.name === at && text.namespace === namespace && text.values.includes(value),
    );
    if (live === undefined || isLive !== true) {
      since = undefined;
      return [
        `Zone ${namespace}/${zone.metadata.name}: the text is not in what its name servers are given yet`,
      ];
    }
    // What is published after it holds it as well: nobody has to keep up with that.
    since ??= live.sequence;
    const needed = since;
    const lacking: string[] = [];
    const asked = new Map<string, AuthoritativeServer>();
    for (const server of servers()) {
      if (server.connected && server.sequence < needed)
        lacking.push(`${server.label} answers from content ${server.sequence}, and it is in ${needed}`);
      else for (const at of server.addresses) asked.set(`${at.address} ${at.port}`, at);
    }
    for (const at of others(zone))
      if (!asked.has(`${at.address} ${at.port}`)) asked.set(`${at.address} ${at.port}`, at);
    const answers = await Promise.all(
      [...asked.values()].map(async (server) => ({
        server,
        answer: await ask(server, { name: at, type: 'TXT' }),
      })),
    );
    for (const { server, answer } of answers) {
      // Who does not answer, or not for the zone, gives nobody an answer without it. Those of ours have confirmed.
      if (answer.kind === 'silent' || !answer.authoritative) continue;
      if (answer.rcode !== RCODE.NOERROR && answer.rcode !== RCODE.NXDOMAIN) continue;
      if (!answer.records.some(({ data }) => txtText(data) === value))
        lacking.push(`${server.label} answers ${at} without it`);
    }
    return lacking;
  };
}
