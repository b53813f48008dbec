import type { RecordSet as AzureRecordSet, Zone } from '@azure/arm-dns';
import { type DomainName, parseName } from '../../src/dns/name.ts';
import { type RecordSet, setKey } from '../../src/plan/record-set.ts';
import {
  type Provider,
  ProviderError,
  type ProviderKind,
  type ProviderOptions,
  type ProviderZone,
  type ZoneContent,
} from '../contract.ts';
import { type AzureAccount, openAccount } from './account.ts';
import { applyBatch } from './apply.ts';
import { AZURE_CAPABILITIES } from './capabilities.ts';
import { checkAccount } from './check.ts';
import { compileAzure } from './compile.ts';
import { describeAid } from './describe-aid.ts';
import { providerErrorOf } from './errors.ts';
import { createZoneMemory, type KnownSet, type ZoneMemory } from './memory.ts';
import { profileAids } from './profiles.ts';
import { fromAzure } from './records.ts';

/** Azure DNS: record sets with ETags, and Traffic Manager profiles behind aliases where the account wants them. */
export const azure: ProviderKind = {
  type: 'azure',
  capabilities: AZURE_CAPABILITIES,
  compile: compileAzure,
  describeAid,
  async open(options) {
    return createProvider(await openAccount(options), options);
  },
};

/** Pages of record sets read at full speed; beyond, one a second: "List: 60 per minute" for each zone. */
const PAGES_AT_ONCE = 30;
const PAGE_PAUSE_MS = 1_000;

function createProvider(account: AzureAccount, options: ProviderOptions): Provider {
  const memories = new Map<string, ZoneMemory>();
  const memoryOf = (zone: ProviderZone): ZoneMemory => {
    const memory = memories.get(zone.id) ?? createZoneMemory();
    memories.set(zone.id, memory);
    return memory;
  };
  const aids =
    account.trafficManager === undefined
      ? undefined
      : profileAids(account.trafficManager, account.spec, options);
  const refusedAids = aids?.refused ?? new Map<string, string>();
  const zones = (signal: AbortSignal): Promise<readonly ProviderZone[]> =>
    listZones(account, options, signal);
  return {
    zones,
    read: (zone, signal) => readZone(account, options, zone, memoryOf(zone), signal),
    async apply(zone, batch, signal) {
      const place = placeOf(zone, account);
      const writer = { dns: account.dns, ...place, options, memory: memoryOf(zone), refusedAids };
      await applyBatch(writer, zone, batch, signal);
    },
    ...(aids === undefined ? {} : { aids }),
    check: (wanted, signal) => checkAccount({ account, options, zones }, wanted, signal),
    close() {
      account.close();
      return Promise.resolve();
    },
  };
}

async function listZones(
  account: AzureAccount,
  options: ProviderOptions,
  signal: AbortSignal,
): Promise<readonly ProviderZone[]> {
  const found: ProviderZone[] = [];
  const pages = account.dns.zones
    .listByResourceGroup(account.spec.resourceGroup, { abortSignal: signal })
    .byPage();
  await eachPage('Zones_List', pages, account, options, signal, (page: readonly Zone[]) => {
    for (const zone of page) {
      if (zone.name === undefined || zone.id === undefined) continue;
      found.push({
        origin: parseName(zone.name),
        id: zone.id,
        private: zone.zoneType === 'Private',
        nameServers: (zone.nameServers ?? []).map(parseName),
      });
    }
  });
  return found;
}

async function readZone(
  account: AzureAccount,
  options: ProviderOptions,
  zone: ProviderZone,
  memory: ZoneMemory,
  signal: AbortSignal,
): Promise<ZoneContent> {
  const { resourceGroup, zoneName } = placeOf(zone, account);
  const sets: RecordSet[] = [];
  const known = new Map<string, KnownSet>();
  const pages = account.dns.recordSets
    .listAllByDnsZone(resourceGroup, zoneName, { abortSignal: signal })
    .byPage();
  await eachPage('RecordSets_List', pages, account, options, signal, (page: readonly AzureRecordSet[]) => {
    for (const found of page) {
      const set = fromAzure(found, zone.origin);
      if (set === undefined) continue;
      sets.push(set);
      known.set(setKey(set), { set, etag: found.etag, metadata: found.metadata ?? {}, ours: false });
    }
  });
  memory.read(known);
  const tokens = new Map([...known].flatMap(([key, { etag }]) => (etag === undefined ? [] : [[key, etag]])));
  return { sets, tokens };
}

async function eachPage<T>(
  action: string,
  pages: AsyncIterableIterator<readonly T[]>,
  { hasNextPage }: AzureAccount,
  { turn, clock }: ProviderOptions,
  signal: AbortSignal,
  take: (page: readonly T[]) => void,
): Promise<void> {
  for (let read = 0; ; read += 1) {
    if (read >= PAGES_AT_ONCE) await clock.wait(PAGE_PAUSE_MS, signal);
    await turn(action, signal);
    let next: IteratorResult<readonly T[], unknown>;
    try {
      next = await pages.next();
    } catch (error) {
      throw providerErrorOf(error, { action, writes: false });
    }
    if (next.done === true) return;
    take(next.value);
    // Without a link to another page there is nothing more to ask for.
    if (!hasNextPage(next.value)) return;
  }
}

const ZONE_ID = /\/resourcegroups\/([^/]+)\/providers\/microsoft\.network\/dnszones\/([^/]+)$/i;

/** Where a zone is, from its resource id, or by its name in the resource group of the account. */
function placeOf(
  zone: ProviderZone,
  { spec }: AzureAccount,
): { readonly resourceGroup: string; readonly zoneName: string } {
  const match = ZONE_ID.exec(zone.id);
  if (match?.[1] !== undefined && match[2] !== undefined)
    return { resourceGroup: match[1], zoneName: match[2] };
  if (zone.private) {
    throw new ProviderError(
      'unsupported',
      `${zone.origin} is a private zone; Azure has another API for those`,
    );
  }
  return { resourceGroup: spec.resourceGroup, zoneName: nameOf(zone.origin) };
}

function nameOf(origin: DomainName): string {
  return origin.replace(/\.$/, '');
}
