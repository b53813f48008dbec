import { applyChanges, type RequestedChange } from './change-batch.ts';
import { type HealthChecks, noSuch, readConfig, writeCheck } from './health-checks.ts';
import { InvalidInput, Refused } from './refused.ts';
import type { Call } from './requests.ts';
import { type ApiSet, apiName, readSet, writeSet } from './sets.ts';
import type { Content, Element } from './xml.ts';

/** A hosted zone as it is stored. */
export interface Zone {
  readonly id: string;
  readonly origin: string;
  readonly private: boolean;
  sets: readonly ApiSet[];
  /** Milliseconds of the monotonic clock until which the last change is PENDING. */
  pendingUntil: number;
}

/** What the account holds, and what of the faults concerns single actions. */
export interface AccountState {
  readonly zones: Map<string, Zone>;
  /** Changes by id, each with its zone. */
  readonly changes: Map<string, Zone>;
  readonly healthChecks: HealthChecks;
  readonly faults: { loseNextAnswer: boolean; propagationMs: number };
  /** @throws Refused NoSuchHostedZone */
  zoneOf(id: string): Zone;
  /** 13 digits that were not given before. */
  nextId(): string;
}

/** An answer before it is written as XML. */
export interface Answer {
  readonly root: string;
  readonly content: Content;
  readonly status?: number;
  readonly location?: string;
}

const SERVERS = [
  'ns-1.awsdns-01.com.',
  'ns-2.awsdns-02.net.',
  'ns-3.awsdns-03.org.',
  'ns-4.awsdns-04.co.uk.',
];

/** The API actions, by name. */
export function createActions(account: AccountState): Readonly<Record<string, (call: Call) => Answer>> {
  const { zones, changes, healthChecks, faults } = account;

  const hostedZone = (zone: Zone): Content => ({
    Id: `/hostedzone/${zone.id}`,
    Name: zone.origin,
    CallerReference: zone.id,
    Config: { PrivateZone: zone.private },
    ResourceRecordSetCount: zone.sets.length,
  });

  return {
    ListHostedZones({ query }) {
      const max = maxItems(query, 100);
      const all = [...zones.values()];
      const from = query.has('marker') ? all.findIndex((zone) => zone.id === query.get('marker')) : 0;
      if (from < 0) throw new InvalidInput('The marker is not known');
      const next = all[from + max];
      return {
        root: 'ListHostedZonesResponse',
        content: {
          HostedZones: { HostedZone: all.slice(from, from + max).map(hostedZone) },
          Marker: query.get('marker') ?? undefined,
          IsTruncated: next !== undefined,
          NextMarker: next?.id,
          MaxItems: max,
        },
      };
    },
    GetHostedZone({ id }) {
      const zone = account.zoneOf(id);
      return {
        root: 'GetHostedZoneResponse',
        content: {
          HostedZone: hostedZone(zone),
          DelegationSet: zone.private
            ? undefined
            : { NameServers: { NameServer: SERVERS.map((server) => server.slice(0, -1)) } },
        },
      };
    },
    ListResourceRecordSets({ id, query }) {
      const zone = account.zoneOf(id);
      const max = maxItems(query, 300);
      const start: SortKey = [
        reversed(apiName(query.get('name') ?? zone.origin)),
        query.get('type') ?? '',
        query.get('identifier') ?? '',
      ];
      if (query.has('identifier') && !query.has('type')) throw new InvalidInput('An identifier needs a type');
      const sorted = [...zone.sets].sort((a, b) => compare(sortKey(a), sortKey(b)));
      const all = query.has('name') ? sorted.filter((set) => compare(sortKey(set), start) >= 0) : sorted;
      const next = all[max];
      return {
        root: 'ListResourceRecordSetsResponse',
        content: {
          ResourceRecordSets: { ResourceRecordSet: all.slice(0, max).map(writeSet) },
          IsTruncated: next !== undefined,
          NextRecordName: next?.Name,
          NextRecordType: next?.Type,
          NextRecordIdentifier: next?.SetIdentifier,
          MaxItems: max,
        },
      };
    },
    ChangeResourceRecordSets({ id, body }) {
      const zone = account.zoneOf(id);
      const asked = readChanges(body);
      if (performance.now() < zone.pendingUntil) {
        throw new Refused(400, 'PriorRequestNotComplete', [
          'The request was rejected because Route 53 was still processing a prior request.',
        ]);
      }
      const outcome = applyChanges(zone, asked, (check) => healthChecks.get(check) !== undefined);
      if ('noSuchHealthCheck' in outcome) throw noSuch(outcome.noSuchHealthCheck);
      if ('messages' in outcome) throw new Refused(400, 'InvalidChangeBatch', outcome.messages);
      zone.sets = outcome.sets;
      zone.pendingUntil = performance.now() + faults.propagationMs;
      const change = `C${account.nextId()}`;
      changes.set(change, zone);
      if (faults.loseNextAnswer) {
        faults.loseNextAnswer = false;
        throw new Refused(500, 'InternalFailure', ['The request processing has failed.']);
      }
      return {
        root: 'ChangeResourceRecordSetsResponse',
        content: { ChangeInfo: changeInfo(change, faults.propagationMs > 0 ? 'PENDING' : 'INSYNC') },
      };
    },
    GetChange({ id }) {
      const zone = changes.get(id);
      if (zone === undefined)
        throw new Refused(404, 'NoSuchChange', [`Could not find resource with ID: ${id}`]);
      const status = performance.now() < zone.pendingUntil ? 'PENDING' : 'INSYNC';
      return { root: 'GetChangeResponse', content: { ChangeInfo: changeInfo(id, status) } };
    },
    ListHealthChecks({ query }) {
      const max = maxItems(query, 100);
      const all = healthChecks.all();
      const from = query.has('marker') ? all.findIndex((check) => check.id === query.get('marker')) : 0;
      if (from < 0) throw new InvalidInput('The marker is not known');
      const next = all[from + max];
      return {
        root: 'ListHealthChecksResponse',
        content: {
          HealthChecks: { HealthCheck: all.slice(from, from + max).map(writeCheck) },
          Marker: query.get('marker') ?? '',
          IsTruncated: next !== undefined,
          NextMarker: next?.id,
          MaxItems: max,
        },
      };
    },
    CreateHealthCheck({ body }) {
      const reference = body?.children.find((child) => child.name === 'CallerReference')?.text ?? '';
      const config = readConfig(body?.children.find((child) => child.name === 'HealthCheckConfig'));
      const check = healthChecks.create(reference, config);
      return {
        root: 'CreateHealthCheckResponse',
        content: { HealthCheck: writeCheck(check) },
        status: 201,
        location: `https://route53.amazonaws.com/2013-04-01/healthcheck/${check.id}`,
      };
    },
    DeleteHealthCheck({ id }) {
      healthChecks.remove(id);
      return { root: 'DeleteHealthCheckResponse', content: {} };
    },
    ChangeTagsForResource({ id, body }) {
      const check = healthChecks.get(id);
      if (check === undefined) throw noSuch(id);
      const adds = body?.children.find((child) => child.name === 'AddTags')?.children ?? [];
      // "You can add a maximum of 10 tags to a health check or a hosted zone."
      if (adds.length > 10) throw new InvalidInput('At most 10 tags can be added');
      for (const tag of adds) {
        const key = tag.children.find((child) => child.name === 'Key')?.text ?? '';
        const value = tag.children.find((child) => child.name === 'Value')?.text ?? '';
        if (key === '' || key.length > 128 || value.length > 256)
          throw new InvalidInput('A tag has a key of 1 to 128 and a value of up to 256 characters');
        check.tags.set(key, value);
      }
      return { root: 'ChangeTagsForResourceResponse', content: {} };
    },
    ListTagsForResources({ body }) {
      const ids = body?.children.find((child) => child.name === 'ResourceIds')?.children ?? [];
      // "ResourceIds: minimum number of 1 item, maximum number of 10 items."
      if (ids.length < 1 || ids.length > 10) throw new InvalidInput('ResourceIds must have 1 to 10 items');
      return {
        root: 'ListTagsForResourcesResponse',
        content: {
          ResourceTagSets: {
            ResourceTagSet: ids.map(({ text }) => {
              const check = healthChecks.get(text);
              if (check === undefined) throw noSuch(text);
              return {
                ResourceType: 'healthcheck',
                ResourceId: text,
                Tags: { Tag: [...check.tags].map(([Key, Value]) => ({ Key, Value })) },
              };
            }),
          },
        },
      };
    },
  };
}

function readChanges(body: Element | undefined): readonly RequestedChange[] {
  if (body?.name !== 'ChangeResourceRecordSetsRequest') throw new InvalidInput('The root element is wrong');
  const batch = body.children.find((child) => child.name === 'ChangeBatch');
  const list = batch?.children.find((child) => child.name === 'Changes');
  return (list?.children ?? []).map((change) => {
    const action = change.children.find((child) => child.name === 'Action');
    const set = change.children.find((child) => child.name === 'ResourceRecordSet');
    if (change.name !== 'Change' || action === undefined || set === undefined || change.children.length !== 2)
      throw new InvalidInput('A Change has an Action and a ResourceRecordSet');
    return { action: action.text, set: readSet(set) };
  });
}

function maxItems(query: URLSearchParams, most: number): number {
  const asked = query.get('maxitems');
  if (asked === null) return most;
  if (!/^[1-9]\d*$/.test(asked)) throw new InvalidInput('maxitems is no number');
  return Math.min(most, Number(asked));
}

function changeInfo(id: string, Status: 'PENDING' | 'INSYNC'): Content {
  return { Id: `/change/${id}`, Status, SubmittedAt: new Date().toISOString() };
}

type SortKey = readonly [name: string, type: string, identifier: string];

/** "The resource record sets are sorted by reversed labels, then by type." */
function sortKey(set: ApiSet): SortKey {
  return [reversed(set.Name), set.Type, set.SetIdentifier ?? ''];
}

function reversed(name: string): string {
  return name.split('.').reverse().join('.');
}

function compare(a: SortKey, b: SortKey): number {
  for (const [index, part] of a.entries()) {
    const other = b[index] ?? '';
    if (part !== other) return part < other ? -1 : 1;
  }
  return 0;
}

/** What a hosted zone has when it is made. */
export function apexOf(origin: string): readonly ApiSet[] {
  return [
    { Name: origin, Type: 'NS', TTL: 172_800, ResourceRecords: SERVERS.map((Value) => ({ Value })) },
    {
      Name: origin,
      Type: 'SOA',
      TTL: 900,
      ResourceRecords: [{ Value: `${SERVERS[0]} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400` }],
    },
  ];
}
