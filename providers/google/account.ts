import { z } from 'zod';
import type { DomainName } from '../../src/dns/name.ts';
import { contentOf, type RecordSet } from '../../src/plan/record-set.ts';
import {
  type Batch,
  type Provider,
  ProviderError,
  type ProviderOptions,
  type ProviderZone,
  type ZoneContent,
} from '../contract.ts';
import { MAX_RECORDS_PER_SET } from './capabilities.ts';
import { checkAccount } from './check.ts';
import { type GoogleClient, openClient } from './client.ts';
import type { SentSet } from './errors.ts';
import { type ApiRecordSet, apiRecordSet, readRecordSet, writeRecordSet } from './records.ts';
import { managedZonePage, readZone } from './zones.ts';

const recordSetPage = z.object({
  rrsets: z.array(apiRecordSet).optional(),
  nextPageToken: z.string().optional(),
});

/** `Change` of the API v1. https://cloud.google.com/dns/docs/reference/rest/v1/changes */
const change = z.object({ id: z.string(), status: z.string() });

/** As many as the server gives at once: fewer calls for a big zone. A smaller page is taken as it comes. */
const PAGE = '1000';
/** A million sets: a list that never ends is refused far beyond what a project may have. */
const MOST_PAGES = 1_000;
/** Most changes are done within a second or two; a status costs a request, so it is asked less and less often. */
const FIRST_STATUS_AFTER_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/** @throws ProviderError `denied`, PortolanError ADDRESS_FORBIDDEN */
export async function openAccount(options: ProviderOptions): Promise<Provider> {
  const client = await openClient(options);
  const project = `projects/${encodeURIComponent(options.spec.google?.project ?? '')}`;
  /** Sets that the API spells otherwise than we do, by zone and content: a deletion repeats what was read to the letter. */
  const spellings = new Map<string, ReadonlyMap<string, ApiRecordSet>>();

  return {
    async zones(signal) {
      const zones: ProviderZone[] = [];
      const action = { action: 'managedZones.list', writes: false, method: 'GET' } as const;
      for await (const page of pages(
        client,
        { ...action, path: `${project}/managedZones` },
        managedZonePage,
        signal,
      ))
        for (const found of page.managedZones ?? []) {
          const zone = readZone(found);
          if (zone !== undefined) zones.push(zone);
        }
      return zones;
    },

    async read(zone, signal) {
      const { content, spelled } = await readZoneContent(client, pathOf(zone), zone, signal);
      spellings.set(zone.id, spelled);
      return content;
    },

    async apply(zone, batch, signal) {
      const changes = changesOf(batch);
      if (changes.length === 0) return;
      for (const { after, group } of changes) if (after !== undefined) checkSet(after, group);
      const spelled = spellings.get(zone.id);
      const deleted = changes.flatMap(({ before }) => (before === undefined ? [] : [before]));
      const added = changes.flatMap(({ after }) => (after === undefined ? [] : [after]));
      const about = {
        zone: zone.id,
        additions: sentOf(changes, 'after'),
        deletions: sentOf(changes, 'before'),
      };
      const made = await client.call(
        {
          ...about,
          action: 'changes.create',
          writes: true,
          method: 'POST',
          path: `${pathOf(zone)}/changes`,
          body: {
            kind: 'dns#change',
            ...(added.length === 0 ? {} : { additions: added.map(writeRecordSet) }),
            ...(deleted.length === 0
              ? {}
              : { deletions: deleted.map((set) => spelled?.get(contentOf(set)) ?? writeRecordSet(set)) }),
          },
        },
        change,
        signal,
      );
      await settled(made, zone, signal);
    },

    check: (zones, signal) => checkAccount({ client, options, project, pathOf }, zones, signal),

    close() {
      client.close();
      return Promise.resolve();
    },
  };

  function pathOf(zone: ProviderZone): string {
    return `${project}/managedZones/${encodeURIComponent(zone.id)}`;
  }

  /** Waits until Google's servers have the change. It is applied already: what goes wrong from here on leaves nobody in doubt about the zone. */
  async function settled(
    made: z.output<typeof change>,
    zone: ProviderZone,
    signal: AbortSignal,
  ): Promise<void> {
    let pause = FIRST_STATUS_AFTER_MS;
    for (let { status } = made; status !== 'done'; ) {
      try {
        await options.clock.wait(pause, signal);
        const path = `${pathOf(zone)}/changes/${encodeURIComponent(made.id)}`;
        const request = { action: 'changes.get', writes: false, method: 'GET', path, zone: zone.id } as const;
        ({ status } = await client.call(request, change, signal));
      } catch (error) {
        if (!isPassing(error) || signal.aborted)
          throw new ProviderError(
            'ambiguous',
            `Google Cloud DNS took change ${made.id} of ${zone.origin}, but whether its servers have it is not known: ${error instanceof Error ? error.message : String(error)}`,
            { cause: error },
          );
      }
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof ProviderError && (error.failure === 'transient' || error.failure === 'throttled');
}

async function readZoneContent(
  client: GoogleClient,
  path: string,
  zone: ProviderZone,
  signal: AbortSignal,
): Promise<{ readonly content: ZoneContent; readonly spelled: ReadonlyMap<string, ApiRecordSet> }> {
  const sets: RecordSet[] = [];
  const spelled = new Map<string, ApiRecordSet>();
  const request = {
    action: 'resourceRecordSets.list',
    writes: false,
    method: 'GET',
    path: `${path}/rrsets`,
    zone: zone.id,
  } as const;
  for await (const page of pages(client, request, recordSetPage, signal)) {
    for (const api of page.rrsets ?? []) {
      const set = readRecordSet(api);
      if (set === undefined) continue;
      sets.push(set);
      if (!spelledAlike(api, set)) spelled.set(contentOf(set), api);
    }
  }
  return { content: { sets, tokens: new Map() }, spelled };
}

function spelledAlike(api: ApiRecordSet, set: RecordSet): boolean {
  return (
    api.routingPolicy === undefined &&
    api.name === set.name &&
    api.type === set.type &&
    api.rrdatas?.length === set.values.length &&
    api.rrdatas.every((value, index) => value === set.values[index])
  );
}

/** Pages of a list; each takes a turn. */
async function* pages<T extends { readonly nextPageToken?: string | undefined }>(
  client: GoogleClient,
  request: Omit<Parameters<GoogleClient['call']>[0], 'query'>,
  page: z.ZodType<T>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  let pageToken: string | undefined;
  for (let read = 0; read < MOST_PAGES; read += 1) {
    const query = { maxResults: PAGE, ...(pageToken === undefined ? {} : { pageToken }) };
    const answer = await client.call({ ...request, query }, page, signal);
    yield answer;
    const { nextPageToken } = answer;
    if (nextPageToken === undefined || nextPageToken === '') return;
    if (nextPageToken === pageToken) break;
    pageToken = nextPageToken;
  }
  throw new ProviderError('transient', `${request.action} says that there is more, again and again`);
}

/** A change, and the owned name it is made for; the fence is for none. */
interface OwnedChange {
  readonly before?: RecordSet | undefined;
  readonly after?: RecordSet | undefined;
  readonly group: DomainName | undefined;
}

/** Every change of the batch, the fence first. */
function changesOf(batch: Batch): readonly OwnedChange[] {
  const changes = batch.groups.flatMap(({ name, changes: ofName }) =>
    ofName.map((change): OwnedChange => ({ ...change, group: name })),
  );
  return batch.fence === undefined ? changes : [{ ...batch.fence, group: undefined }, ...changes];
}

function sentOf(changes: readonly OwnedChange[], side: 'before' | 'after'): readonly SentSet[] {
  return changes.flatMap((change) => {
    const set = change[side];
    return set === undefined ? [] : [{ name: set.name, group: change.group }];
  });
}

/** Said here and not by Google, so that the name is known and no request is spent on it. */
function checkSet(set: RecordSet, group: DomainName | undefined): void {
  if (set.values.length <= MAX_RECORDS_PER_SET) return;
  throw new ProviderError(
    'invalid',
    `${set.name} ${set.type} has ${set.values.length} records; Google Cloud DNS takes at most ${MAX_RECORDS_PER_SET} in one set`,
    { group, fix: 'Answer fewer endpoints at once: lower `maxAnswers` of the policy.' },
  );
}
