import { randomInt } from 'node:crypto';
import { type DomainName, parseName } from '../../src/dns/name.ts';
import type { CheckFinding, ProviderZone } from '../contract.ts';
import { ProviderError } from '../contract.ts';
import { tryWith } from '../finding.ts';
import type { Rfc2136Provider } from './client.ts';
import { configuration, failureOf } from './failures.ts';
import { probeMessage } from './update.ts';

const finding = tryWith('See that the server runs and that its TCP port can be reached from the hub.');

/** Tries, for each zone, whether the server has it, lets it be copied, and takes updates below `_portolan`. Changes nothing. */
export async function checkServer(
  provider: Rfc2136Provider,
  zones: readonly ProviderZone[],
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  for (const zone of zones) {
    const { origin } = zone;
    const served = await finding(`query of ${origin}`, async () => {
      if ((await provider.zoneAt(zone, signal)) === undefined)
        throw new ProviderError('gone', `the server is not authoritative for ${origin}`, {
          fix: `Name the primary server of ${origin} in spec.rfc2136.server, or create the zone there.`,
        });
      return 'the server is authoritative, takes the key, and its clock agrees with ours';
    });
    findings.push(served);
    if (!served.ok) continue;
    findings.push(
      await finding(
        `AXFR ${origin}`,
        async () => `${(await provider.read(zone, signal)).sets.length} record sets`,
      ),
      await finding(`UPDATE ${origin}`, () => probe(provider, origin, signal)),
    );
  }
  return findings;
}

async function probe(provider: Rfc2136Provider, origin: DomainName, signal: AbortSignal): Promise<string> {
  const name = parseName(`_check._portolan.${origin === '.' ? '' : origin}`);
  const answer = await provider.ask('UPDATE', probeMessage(randomInt(0x1_0000), origin, name), signal);
  const asked = provider.asked('UPDATE', origin);
  const failure = failureOf(answer, asked);
  // The prerequisite failed: permitted as well, only somebody has put records there.
  if (failure === undefined || failure.failure === 'conflict') return 'records may be written';
  throw new ProviderError(failure.failure, failure.message, { fix: failure.fix ?? configuration(asked) });
}
