import { z } from 'zod';
import type { CheckFinding, ProviderOptions, ProviderZone } from '../contract.ts';
import { tryWith } from '../finding.ts';
import { MAX_SETS_PER_ZONE } from './capabilities.ts';
import type { GoogleClient } from './client.ts';

/** What the provider does in a zone, as IAM names it. https://cloud.google.com/dns/docs/access-control */
const ZONE_PERMISSIONS = [
  'dns.changes.create',
  'dns.changes.get',
  'dns.resourceRecordSets.create',
  'dns.resourceRecordSets.delete',
  'dns.resourceRecordSets.list',
  'dns.resourceRecordSets.update',
];

const finding = tryWith('Look at the message; then check again.');

export interface CheckContext {
  readonly client: GoogleClient;
  readonly options: ProviderOptions;
  /** `projects/<project>`. */
  readonly project: string;
  readonly pathOf: (zone: ProviderZone) => string;
}

/** Reads what can be read; whether it may write, IAM is asked, so that nothing is changed. */
export async function checkAccount(
  context: CheckContext,
  zones: readonly ProviderZone[],
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const { client, options, project } = context;
  const findings: CheckFinding[] = [];
  const credentials = await finding('credentials', async () => {
    await client.authorise(signal);
    return 'Google gives an access token.';
  });
  findings.push(credentials);
  if (!credentials.ok) return findings;

  findings.push(
    await finding('dns.managedZones.list', async () => {
      const page = z.object({ managedZones: z.array(z.unknown()).optional() });
      await client.call(
        {
          action: 'managedZones.list',
          writes: false,
          method: 'GET',
          path: `${project}/managedZones`,
          query: { maxResults: '1' },
        },
        page,
        signal,
      );
      return `Zones of project ${options.spec.google?.project ?? ''} can be listed.`;
    }),
  );
  for (const zone of zones) findings.push(...(await checkZone(context, zone, signal)));
  return findings;
}

async function checkZone(
  { client, options, pathOf }: CheckContext,
  zone: ProviderZone,
  signal: AbortSignal,
): Promise<readonly CheckFinding[]> {
  const reads = await finding(`dns.resourceRecordSets.list ${zone.id}`, async () => {
    await client.call(
      {
        action: 'resourceRecordSets.list',
        writes: false,
        method: 'GET',
        path: `${pathOf(zone)}/rrsets`,
        query: { maxResults: '1' },
        zone: zone.id,
      },
      z.object({ rrsets: z.array(z.unknown()).optional() }),
      signal,
    );
    return `Records of zone ${zone.id} can be read. A zone holds at most ${MAX_SETS_PER_ZONE.toLocaleString('en')} record sets.`;
  });
  let granted: ReadonlySet<string> = new Set();
  const asked = await finding(`IAM ${zone.id}`, async () => {
    const answer = await client.call(
      {
        action: 'managedZones.testIamPermissions',
        writes: false,
        method: 'POST',
        path: `${pathOf(zone)}:testIamPermissions`,
        body: { permissions: ZONE_PERMISSIONS },
        zone: zone.id,
      },
      z.object({ permissions: z.array(z.string()).optional() }),
      signal,
    );
    granted = new Set(answer.permissions ?? []);
    return '';
  });
  if (!asked.ok) return [reads, asked];
  const permissions = ZONE_PERMISSIONS.map((permission): CheckFinding => {
    const subject = `${permission} ${zone.id}`;
    if (granted.has(permission)) return { subject, ok: true, message: `Granted in zone ${zone.id}.` };
    return {
      subject,
      ok: false,
      message: `Not granted in zone ${zone.id}.`,
      fix: `gcloud projects add-iam-policy-binding ${options.spec.google?.project ?? ''} --member serviceAccount:<its e-mail> --role roles/dns.admin; or the same role on zone ${zone.id} alone: https://cloud.google.com/dns/docs/zones/iam-per-resource-zones`,
    };
  });
  return [reads, ...permissions];
}
