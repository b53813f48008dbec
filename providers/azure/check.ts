import { type CheckFinding, ProviderError, type ProviderOptions, type ProviderZone } from '../contract.ts';
import type { AzureAccount } from './account.ts';
import { grantFor, permissionOf, providerErrorOf } from './errors.ts';

export interface CheckOf {
  readonly account: AzureAccount;
  readonly options: ProviderOptions;
  readonly zones: (signal: AbortSignal) => Promise<readonly ProviderZone[]>;
}

/** "Record sets per public DNS zone: 10,000", where the zone does not say. */
const MAX_SETS = 10_000;
const NEARLY_FULL = 0.9;

/** No record set has this ETag, so a write on its condition changes nothing; but it is refused earlier when it is not allowed. */
const NO_ETAG = 'portolan-check';
const NO_SET = '_portolan-check';

/**
 * Tries every permission. Azure Resource Manager authorises a request before it looks at the resource: a write on a condition that never holds is
 * answered with 403 when it is not allowed, and with 412 when it is.
 */
export async function checkAccount(
  { account, options, zones }: CheckOf,
  wanted: readonly ProviderZone[],
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const { dns, trafficManager, spec } = account;
  const findings: CheckFinding[] = [];
  const attempt = async (
    action: string,
    subject: string,
    request: () => Promise<unknown>,
    expected: readonly string[] = [],
  ): Promise<boolean> => {
    let message = `${permissionOf(action)} is granted`;
    try {
      await options.turn(action, signal);
      const said = await request();
      if (typeof said === 'string') message = said;
    } catch (thrown) {
      const error = providerErrorOf(thrown, { action, writes: false, conditional: true });
      if (!expected.includes(error.failure)) {
        const fix =
          error.fix ??
          (error.failure === 'denied' ? grantFor(action) : fixOf(error.failure, spec.resourceGroup));
        findings.push({ subject, ok: false, message: error.message, fix });
        return false;
      }
    }
    findings.push({ subject, ok: true, message });
    return true;
  };

  await checkZones(zones, wanted, findings, spec.resourceGroup, signal);
  for (const zone of wanted) {
    const name = zone.origin.replace(/\.$/, '');
    const group = spec.resourceGroup;
    const read = await attempt('RecordSets_List', `${name}: read`, () =>
      dns.recordSets.listAllByDnsZone(group, name, { abortSignal: signal }).byPage().next(),
    );
    if (!read) continue;
    await attempt('Zones_Get', `${name}: room`, async () => {
      const { numberOfRecordSets = 0, maxNumberOfRecordSets = MAX_SETS } = await dns.zones.get(group, name, {
        abortSignal: signal,
      });
      if (numberOfRecordSets < NEARLY_FULL * maxNumberOfRecordSets) return;
      throw new ProviderError(
        'invalid',
        `${numberOfRecordSets} of ${maxNumberOfRecordSets} record sets are used`,
        {
          fix: 'Ask Azure support for more, or delegate a part of the zone to another one.',
        },
      );
    });
    const never = { abortSignal: signal, ifMatch: NO_ETAG };
    await attempt(
      'RecordSets_CreateOrUpdate',
      `${name}: write`,
      () =>
        dns.recordSets.createOrUpdate(
          group,
          name,
          NO_SET,
          'TXT',
          { ttl: 60, txtRecords: [{ value: ['check'] }] },
          never,
        ),
      ['conflict'],
    );
    await attempt(
      'RecordSets_Delete',
      `${name}: delete`,
      () => dns.recordSets.delete(group, name, NO_SET, 'TXT', never),
      ['conflict'],
    );
  }
  if (trafficManager !== undefined) {
    const group = spec.resourceGroup;
    const listed = await attempt('Profiles_List', 'Traffic Manager: read', () =>
      trafficManager.profiles.listByResourceGroup(group, { abortSignal: signal }).byPage().next(),
    );
    if (listed) {
      // A profile without a name for it or a method is invalid, which the service says only to those who may write.
      await attempt(
        'Profiles_CreateOrUpdate',
        'Traffic Manager: write',
        () =>
          trafficManager.profiles.createOrUpdate(
            group,
            NO_ETAG,
            { location: 'global' },
            { abortSignal: signal },
          ),
        ['invalid'],
      );
      await attempt(
        'Profiles_Delete',
        'Traffic Manager: delete',
        () => trafficManager.profiles.delete(group, NO_ETAG, { abortSignal: signal }),
        ['conflict'],
      );
    }
  }
  return findings;
}

/** That the credentials work at all, and that each zone is in the resource group. */
async function checkZones(
  zones: CheckOf['zones'],
  wanted: readonly ProviderZone[],
  findings: CheckFinding[],
  resourceGroup: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const found = await zones(signal);
    findings.push({
      subject: 'zones',
      ok: true,
      message: `the resource group ${resourceGroup} has ${found.length} zones`,
    });
    for (const zone of wanted) {
      const there = found.some(({ origin }) => origin === zone.origin);
      findings.push(
        there
          ? { subject: `zone ${zone.origin}`, ok: true, message: 'it is in the resource group' }
          : {
              subject: `zone ${zone.origin}`,
              ok: false,
              message: `the resource group ${resourceGroup} has no such zone`,
              fix: `Create it (az network dns zone create -g ${resourceGroup} -n ${zone.origin.replace(/\.$/, '')}), or correct spec.azure.resourceGroup.`,
            },
      );
    }
  } catch (thrown) {
    const error = providerErrorOf(thrown, { action: 'Zones_List', writes: false });
    findings.push({
      subject: 'zones',
      ok: false,
      message: error.message,
      fix: error.fix ?? fixOf(error.failure, resourceGroup),
    });
  }
}

function fixOf(failure: string, resourceGroup: string): string {
  if (failure === 'gone')
    return `Correct spec.azure.subscriptionId and spec.azure.resourceGroup (${resourceGroup}), or create the zone there.`;
  if (failure === 'throttled')
    return 'Wait a minute and check again; lower spec.requestsPerSecond where others use the subscription, too.';
  return 'Check that the hub reaches spec.azure.endpoint and spec.azure.authorityHost, and check again.';
}
