import { type DomainName, parseName } from '../../src/dns/name.ts';
import { type CheckFinding, ProviderError, type ProviderOptions, type ProviderZone } from '../contract.ts';
import { failedFinding } from '../finding.ts';
import type { Route53Api } from './client.ts';
import { listZones } from './zones.ts';

/** "100 records of a zone": where the default quota of 10,000 records a zone is close, people should know. */
const RECORDS_QUOTA = 10_000;
const NEARLY = 0.9;

/**
 * Tries what the hub needs, each action by a request that changes nothing. A change is tried with one that can never happen: deleting a record below
 * `_portolan` that is not there. Refused as an invalid batch, it was permitted.
 */
export async function checkAccount(
  api: Route53Api,
  options: ProviderOptions,
  zones: readonly ProviderZone[],
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const findings: CheckFinding[] = [];
  const wanted = new Set(options.spec.zones.map(({ origin }) => origin));

  async function attempt<T>(
    action: string,
    about: string,
    run: () => Promise<T>,
    say: (value: T) => string,
  ): Promise<T | undefined> {
    const subject = `route53:${action}${about === '' ? '' : ` ${about}`}`;
    try {
      const value = await run();
      findings.push({ subject, ok: true, message: say(value) });
      return value;
    } catch (thrown) {
      findings.push(failed(subject, thrown));
      return undefined;
    }
  }

  const seen = await attempt(
    'ListHostedZones',
    '',
    () => listZones(api, { origins: new Set(), ids: [] }, signal),
    (all) => `The credentials see ${all.length} hosted zone${all.length === 1 ? '' : 's'}.`,
  );
  for (const origin of wanted) {
    if (seen === undefined || seen.some((zone) => zone.origin === origin)) continue;
    findings.push({
      subject: `zone ${origin}`,
      ok: false,
      message: `There is no hosted zone ${origin} in this account.`,
      fix: `Create it there, or correct spec.zones; the account has ${names(seen)}.`,
    });
  }
  for (const zone of zones) {
    const { origin } = zone;
    await attempt(
      'GetHostedZone',
      origin,
      () => api.getHostedZone(zone.id, signal),
      ({ HostedZone: hosted }) => {
        const records = hosted?.ResourceRecordSetCount ?? 0;
        const near = records > RECORDS_QUOTA * NEARLY ? `, near the default quota of ${RECORDS_QUOTA}` : '';
        return `${zone.id} has ${records} record sets${near}.`;
      },
    );
    await attempt(
      'ListResourceRecordSets',
      origin,
      () => api.listRecordSets({ HostedZoneId: zone.id, MaxItems: 1 }, signal),
      () => 'Its records can be read.',
    );
    await attempt(
      'ChangeResourceRecordSets',
      origin,
      () => impossibleChange(api, zone, signal),
      () => 'Changes are permitted (a deletion of nothing was tried, and changed nothing).',
    );
  }
  await attempt(
    'GetChange',
    '',
    () => noSuchChange(api, signal),
    () => 'Changes can be followed until all name servers have them.',
  );
  await attempt(
    'ListHealthChecks',
    '',
    () => api.listHealthChecks(undefined, signal),
    () => 'Health checks can be listed, for the deciders native and both.',
  );
  findings.push({
    subject: 'route53:CreateHealthCheck',
    ok: true,
    message:
      'Not tried, because it would make one: CreateHealthCheck, DeleteHealthCheck and ChangeTagsForResource are needed for the deciders native and both. An account has 200 health checks and may make 1,000 a day unless AWS raised that.',
  });
  findings.push({
    subject: 'limits',
    ok: true,
    message: `Route 53 takes 5 requests a second of an account; this provider uses at most ${Math.min(5, options.spec.requestsPerSecond ?? 5)}. Others in the account share them.`,
  });
  return findings;
}

/** A change that is well formed and never happens. */
async function impossibleChange(api: Route53Api, zone: ProviderZone, signal: AbortSignal): Promise<void> {
  const name: DomainName = parseName(`permission-check._portolan.${zone.origin}`);
  try {
    await api.changeRecordSets(
      {
        HostedZoneId: zone.id,
        ChangeBatch: {
          Changes: [
            {
              Action: 'DELETE',
              ResourceRecordSet: {
                Name: name,
                Type: 'TXT',
                TTL: 1,
                ResourceRecords: [{ Value: '"this record does not exist"' }],
              },
            },
          ],
        },
      },
      { groups: [], tokens: new Map() },
      signal,
    );
  } catch (thrown) {
    // Another change in flight was let in, too.
    if (thrown instanceof ProviderError && ['conflict', 'invalid', 'busy'].includes(thrown.failure)) return;
    throw thrown;
  }
}

/** "NoSuchChange" is an answer, so it was permitted. */
async function noSuchChange(api: Route53Api, signal: AbortSignal): Promise<void> {
  try {
    await api.getChange('C0000000000000000000', signal);
  } catch (thrown) {
    if (thrown instanceof ProviderError && thrown.failure === 'invalid') return;
    throw thrown;
  }
}

function failed(subject: string, thrown: unknown): CheckFinding {
  const gone = thrown instanceof ProviderError && thrown.failure === 'gone';
  return failedFinding(
    subject,
    thrown,
    gone
      ? 'The hosted zone is gone: create it, or correct spec.zones.'
      : 'Try again; if it stays, look at https://health.aws.amazon.com and at the endpoint of the DNSProvider.',
  );
}

function names(zones: readonly ProviderZone[]): string {
  if (zones.length === 0) return 'none';
  const first = zones.slice(0, 5).map(({ origin }) => origin);
  return `${first.join(', ')}${zones.length > first.length ? ' and others' : ''}`;
}
