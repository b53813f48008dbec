import type { HostedZone } from '@aws-sdk/client-route-53';
import { type RecordSet, setKey } from '../../src/plan/record-set.ts';
import { ProviderError, type ProviderZone, type ZoneContent } from '../contract.ts';
import type { Route53Api } from './client.ts';
import { nameFromApi, plainId } from './names.ts';
import { setFromApi } from './records.ts';

/** ListResourceRecordSets: at most 300 sets a page. */
const PAGE = 300;
/** An account has at most 500 zones unless it asked for more, a zone 10,000 records; a service that never ends is refused far beyond. */
const MOST_PAGES = 5_000;

/** Zones of the account that the hub is to write. */
export interface WantedZones {
  readonly origins: ReadonlySet<string>;
  /** As people wrote them: `Z123` or `/hostedzone/Z123`. */
  readonly ids: readonly string[];
}

/**
 * Every hosted zone. Names of its servers are asked for only where they are needed, for those that are wanted: it is one request per zone.
 * @throws ProviderError
 */
export async function listZones(
  api: Route53Api,
  { origins, ids }: WantedZones,
  signal: AbortSignal,
): Promise<readonly ProviderZone[]> {
  const zones: ProviderZone[] = [];
  let marker: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await api.listHostedZones(marker, signal);
    for (const hosted of answer.HostedZones ?? []) {
      const zone = zoneOf(hosted, ids);
      if (zone === undefined) continue;
      zones.push(origins.has(zone.origin) && !zone.private ? await withServers(api, zone, signal) : zone);
    }
    if (answer.IsTruncated !== true) return zones;
    if (answer.NextMarker === undefined || answer.NextMarker === marker) throw noProgress('ListHostedZones');
    marker = answer.NextMarker;
  }
  throw noProgress('ListHostedZones');
}

/** The API takes an id in both spellings, so a zone has the one that its DNSProvider gives it. */
function zoneOf(hosted: HostedZone, ids: readonly string[]): ProviderZone | undefined {
  const origin = nameFromApi(hosted.Name ?? '');
  if (origin === undefined) return undefined;
  const id = plainId(hosted.Id ?? '');
  return {
    origin,
    id: ids.find((written) => plainId(written) === id) ?? id,
    private: hosted.Config?.PrivateZone ?? false,
    nameServers: [],
  };
}

/** A private zone has no delegation set of its own that anybody could ask. */
async function withServers(api: Route53Api, zone: ProviderZone, signal: AbortSignal): Promise<ProviderZone> {
  const { DelegationSet } = await api.getHostedZone(zone.id, signal);
  const nameServers = (DelegationSet?.NameServers ?? [])
    .map(nameFromApi)
    .filter((name) => name !== undefined)
    .sort();
  return { ...zone, nameServers };
}

/** The whole zone. @throws ProviderError `gone` when it is not there */
export async function readZone(
  api: Route53Api,
  zone: ProviderZone,
  signal: AbortSignal,
): Promise<ZoneContent> {
  const sets: RecordSet[] = [];
  const tokens = new Map<string, string>();
  let start: { StartRecordName?: string; StartRecordType?: RecordType; StartRecordIdentifier?: string } = {};
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await api.listRecordSets({ HostedZoneId: zone.id, MaxItems: PAGE, ...start }, signal);
    for (const api of answer.ResourceRecordSets ?? []) {
      const read = setFromApi(api);
      if (read === undefined) continue;
      sets.push(read.set);
      if (read.token !== undefined) tokens.set(setKey(read.set), read.token);
    }
    if (answer.IsTruncated !== true) return { sets, tokens };
    const { NextRecordName, NextRecordType, NextRecordIdentifier } = answer;
    if (NextRecordName === undefined) throw noProgress('ListResourceRecordSets');
    const next = {
      StartRecordName: NextRecordName,
      ...(NextRecordType === undefined ? {} : { StartRecordType: NextRecordType }),
      ...(NextRecordIdentifier === undefined ? {} : { StartRecordIdentifier: NextRecordIdentifier }),
    };
    if (JSON.stringify(next) === JSON.stringify(start)) throw noProgress('ListResourceRecordSets');
    start = next;
  }
  throw noProgress('ListResourceRecordSets');
}

type RecordType = NonNullable<Parameters<Route53Api['listRecordSets']>[0]['StartRecordType']>;

function noProgress(action: string): ProviderError {
  return new ProviderError('transient', `${action} says that there is more and gives the same page again`);
}
