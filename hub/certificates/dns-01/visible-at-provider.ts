import type { OutboundGuard, ProviderClock } from '../../../providers/contract.ts';
import type { DomainName } from '../../../src/dns/name.ts';
import { RCODE, rcodeName } from '../../../src/dns/types.ts';
import { messageOf, PortolanError } from '../../../src/errors/error.ts';
import type { ErrorCode } from '../../../src/errors/table.ts';
import { txtText, txtValue } from '../../../src/plan/txt-value.ts';
import { takeInventory } from '../../../src/plan/zone-inventory.ts';
import type { ProviderDesk } from '../../providers/desk.ts';
import type { HeldZone } from '../../providers/zone-keys.ts';
import type { Ask } from '../../verify/ask.ts';
import { type AuthoritativeServer, authoritativeServers } from '../../verify/authoritative.ts';

export interface AtProviderOptions {
  readonly desk: Pick<ProviderDesk, 'zones' | 'problemOf' | 'started'>;
  readonly ask: Ask;
  readonly guard: OutboundGuard;
  readonly clock: Pick<ProviderClock, 'monotonicMs'>;
}

/**
 * Route 53 says of its changes that they are everywhere within 60 seconds, and so do others; this is waited for where nobody can be asked.
 */
export const PROPAGATION_MS = 60_000;

/** A person has to do something: to wait does not help. */
const LASTING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'RECORDS_FOREIGN',
  'RECORDS_PROTECTED',
  'DNS_RECORD_CONFLICT',
  'DNS_NAME_INVALID',
  'PROVIDER_DENIED',
  'PROVIDER_REFUSED',
  'PROVIDER_SUPERSEDED',
  'PROVIDER_UNSUPPORTED',
  'PROVIDER_ZONE_MISSING',
]);

/** Looks whether a text in a zone at a provider is answered. One of these for each wait: it remembers when the provider had it. */
export function createLookAtProvider({ desk, ask, guard, clock }: AtProviderOptions) {
  let hasItSinceMs: number | undefined;

  /**
   * @returns who lacks it, each a sentence; none: everybody has it
   * @throws PortolanError what stands in the way and does not go by itself
   */
  return async (held: HeldZone, at: DomainName, value: string): Promise<readonly string[]> => {
    const { key, provider, wanted, resource } = held;
    const problem = desk.problemOf(provider);
    if (problem !== undefined) throw problem;
    if (resource.spec.frozen) throw frozen(provider);
    const zone = desk.zones.get(key);
    if (zone === undefined)
      return [desk.started ? `${provider}: ${wanted.origin} is being read` : 'the hub is starting'];
    const { worker } = zone;
    const { error, held: waiting } = worker.state;
    const set =
      worker.content === undefined
        ? undefined
        : takeInventory(wanted.origin, worker.content.sets).byKey.get(`${at} TXT `);
    if (set?.values.includes(txtValue(value)) !== true) {
      hasItSinceMs = undefined;
      const why = waiting.find(({ name }) => name === at);
      if (why !== undefined && LASTING.has(why.code))
        throw new PortolanError(why.code, `${provider}: ${why.message}`, { fix: why.fix });
      if (error !== undefined && LASTING.has(error.code)) throw error;
      return [
        `${provider} does not have it in ${wanted.origin} yet${error === undefined ? '' : `: ${error.message}`}`,
      ];
    }
    hasItSinceMs ??= clock.monotonicMs();
    return await lackingServers(zone.worker.zone, held, at, value);
  };

  async function lackingServers(
    zone: Parameters<typeof authoritativeServers>[0] | undefined,
    { resource, provider, wanted }: HeldZone,
    at: DomainName,
    value: string,
  ): Promise<readonly string[]> {
    const { verify } = resource.spec;
    let whyNot = `${provider} is not asked at its servers (verify.enabled is false)`;
    if (verify.enabled && zone !== undefined) {
      let servers: readonly AuthoritativeServer[] | undefined;
      try {
        const found = await authoritativeServers(zone, verify, guard);
        if (found.known) servers = found.servers;
        else whyNot = `${provider}: ${found.reason}`;
      } catch (error) {
        return [`the servers of ${wanted.origin}: ${messageOf(error)}`];
      }
      if (servers !== undefined) {
        const answers = await Promise.all(servers.map((server) => lackOf(server, at, value)));
        return answers.flatMap((lack) => lack ?? []);
      }
    }
    const leftMs = (hasItSinceMs ?? 0) + PROPAGATION_MS - clock.monotonicMs();
    return leftMs <= 0
      ? []
      : [
          `${whyNot}; what it has is waited for ${PROPAGATION_MS / 1000} s, ${Math.ceil(leftMs / 1000)} s of them are left`,
        ];
  }

  async function lackOf(
    server: AuthoritativeServer,
    at: DomainName,
    value: string,
  ): Promise<string | undefined> {
    const answer = await ask(server, { name: at, type: 'TXT' });
    if (answer.kind === 'silent') return `${server.label} does not answer (${answer.why})`;
    if (answer.records.some(({ data }) => txtText(data) === value)) return undefined;
    const said = answer.rcode === RCODE.NOERROR ? '' : ` (${rcodeName(answer.rcode)})`;
    return `${server.label} answers ${at} without it${said}`;
  }
}

export function frozen(provider: string): PortolanError {
  return new PortolanError('PROVIDER_FROZEN', `DNSProvider ${provider} is frozen: nothing is written there`, {
    fix: 'Set `spec.frozen: false` on it, or lead _acme-challenge of the name to another zone by a CNAME.',
  });
}
