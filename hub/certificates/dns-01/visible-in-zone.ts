import type { WantedText } from '../../../src/certificates/dns-challenge.ts';
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
  /** Servers that did not answer, by address and port, with the instant until which they are left alone (monotonic). Shared by all looks. */
  readonly silent: Map<string, number>;
  readonly monotonicMs: () => number;
}

/** Servers are often out of the hub's reach: behind a firewall, or addresses of a test. */
const LEFT_ALONE_MS = 60_000;

const lines = new WeakMap<readonly WantedText[], ReadonlySet<string>>();

/** Each value with its place: a thousand challenges look at the same texts. */
function linesOf(texts: readonly WantedText[]): ReadonlySet<string> {
  let found = lines.get(texts);
  if (found === undefined) {
    found = new Set(
      texts.flatMap(({ namespace, name, values }) => values.map((value) => `${namespace} ${name} ${value}`)),
    );
    lines.set(texts, found);
  }
  return found;
}

/** Looks whether a text in an embedded Zone is answered. One of these for each wait: it remembers when the text went live. */
export function createLookInZone({ texts, servers, others, ask, silent, monotonicMs }: InZoneOptions) {
  let since: number | undefined;

  /** @returns who lacks it, each a sentence; none: everybody has it */
  return async (zone: Resource<'Zone'>, at: DomainName, value: string): Promise<readonly string[]> => {
    const { live } = texts;
    const { namespace } = zone.metadata;
    if (live === undefined || !linesOf(live.texts).has(`${namespace} ${at} ${value}`)) {
      since = undefined;
      return [
        `Zone ${namespace}/${zone.metadata.name}: the text is not in what its name servers are given yet`,
      ];
    }
    // What is published after it holds it as well: nobody has to keep up with that.
    since ??= live.sequence;
    const needed = since;
    const behind: string[] = [];
    const asked = new Map<string, AuthoritativeServer>();
    const add = (server: AuthoritativeServer): void => {
      const key = `${server.address} ${server.port}`;
      if (!asked.has(key) && (silent.get(key) ?? 0) <= monotonicMs()) asked.set(key, server);
    };
    for (const server of servers()) {
      if (server.connected && server.sequence < needed)
        behind.push(`${server.label} answers from content ${server.sequence}, and it is in ${needed}`);
      else server.addresses.forEach(add);
    }
    if (behind.length > 0) return behind;
    others(zone).forEach(add);
    const lacks = await Promise.all([...asked].map(([key, server]) => lackOf(key, server, at, value)));
    return lacks.flatMap((lack) => lack ?? []);
  };

  async function lackOf(
    key: string,
    server: AuthoritativeServer,
    at: DomainName,
    value: string,
  ): Promise<string | undefined> {
    const answer = await ask(server, { name: at, type: 'TXT' });
    if (answer.kind === 'silent') {
      silent.set(key, monotonicMs() + LEFT_ALONE_MS);
      return undefined;
    }
    // Who does not answer, or not for the zone, gives nobody an answer without it. Those of ours have confirmed.
    if (!answer.authoritative) return undefined;
    if (answer.rcode !== RCODE.NOERROR && answer.rcode !== RCODE.NXDOMAIN) return undefined;
    if (answer.records.some(({ data }) => txtText(data) === value)) return undefined;
    return `${server.label} answers ${at} without it`;
  }
}
