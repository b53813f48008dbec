import type { z } from 'zod';
import { isAtOrBelow, parseName, tryParseName } from '../../src/dns/name.ts';
import { messageOf } from '../../src/errors/error.ts';
import { type RecordSet, type SetChange, sameSet, setKey } from '../../src/plan/record-set.ts';
import {
  type Batch,
  type CheckFinding,
  type Provider,
  ProviderError,
  type ProviderOptions,
  type ProviderZone,
  type ZoneContent,
} from '../contract.ts';
import { checkApi, requireLua } from './check.ts';
import { type Asked, failureOf } from './errors.ts';
import { type ApiEndpoint, requestApi } from './http.ts';
import { canonicalSet, patchOf, setOf } from './records.ts';
import { type ApiZoneHead, zoneList, zoneWhole } from './wire.ts';
import { refuseSecondary } from './zone-kind.ts';

const NO_TOKENS: ReadonlyMap<string, string> = new Map();
/** A change is sent at most so long after the reading that it rests on: a writer that was paused reads again. */
const FRESH_MS = 2_000;
const MAX_READINGS = 3;

/** A PowerDNS server, by its HTTP API. */
export class PowerDnsProvider implements Provider {
  readonly options: ProviderOptions;
  readonly #endpoint: ApiEndpoint;
  readonly #server: string;

  /** @throws ProviderError `denied` when the Secret has no key */
  constructor(options: ProviderOptions) {
    const { powerdns } = options.spec;
    if (powerdns === undefined)
      throw new ProviderError('unsupported', 'the DNSProvider has no spec.powerdns');
    const apiKey = options.secret.apiKey?.trim() ?? '';
    if (!/^[\x20-\x7e]+$/.test(apiKey))
      throw new ProviderError(
        'denied',
        apiKey === ''
          ? 'the Secret has no `apiKey`'
          : 'the `apiKey` in the Secret has characters that no HTTP header takes',
        {
          fix: 'Write the value of `api-key` in pdns.conf into the key `apiKey` of the Secret.',
        },
      );
    this.options = options;
    this.#server = powerdns.server;
    this.#endpoint = { url: new URL(powerdns.url), apiKey, ca: options.ca, guard: options.guard };
  }

  /** All zones of the server. Name servers are looked up for those that the spec names. */
  async zones(signal: AbortSignal): Promise<readonly ProviderZone[]> {
    const heads = await this.get('ListZones', '/zones', zoneList, { what: 'zones' }, signal);
    const wanted = new Map(this.options.spec.zones.map((zone) => [parseName(zone.origin), zone]));
    const zones: ProviderZone[] = [];
    for (const head of heads) {
      const origin = tryParseName(head.name);
      if (typeof origin === 'object') continue;
      const spec = wanted.get(origin);
      const zone = { origin, id: head.id, private: spec?.private ?? false, nameServers: [] };
      zones.push(spec === undefined ? zone : { ...zone, nameServers: await this.#nameServers(zone, signal) });
    }
    return zones;
  }

  /** One RRset of the zone; servers before 4.6 send all of them. */
  async #nameServers(zone: ProviderZone, signal: AbortSignal): Promise<ProviderZone['nameServers']> {
    const query = `?rrset_name=${encodeURIComponent(zone.origin)}&rrset_type=NS`;
    const { sets } = await this.#getZone(zone, signal, query);
    const apex = sets.find(({ name, type }) => name === zone.origin && type === 'NS');
    return (apex?.values ?? []).map(parseName).sort();
  }

  async read(zone: ProviderZone, signal: AbortSignal): Promise<ZoneContent> {
    const { sets } = await this.#getZone(zone, signal);
    return { sets, tokens: NO_TOKENS };
  }

  /**
   * Read, compare, PATCH, read, compare. PowerDNS applies a PATCH as one transaction of its backend, but checks nothing of what it replaces:
   * the comparison before narrows the gap to the time of one request, the one after finds what happened in it.
   */
  async apply(zone: ProviderZone, batch: Batch, signal: AbortSignal): Promise<void> {
    const changes = [
      ...batch.groups.flatMap((group) => group.changes),
      ...(batch.fence === undefined ? [] : [batch.fence]),
    ];
    if (changes.length === 0) return;
    const outside = changes.find(({ before, after }) => !isAtOrBelow((after ?? before).name, zone.origin));
    if (outside !== undefined) {
      const { name } = outside.after ?? outside.before;
      throw new ProviderError('invalid', `${name} does not lie in ${zone.origin}`, { group: name });
    }
    const rrsets = patchOf(changes);
    const names = [...new Set(rrsets.map(({ name }) => name))];
    const asked: Asked = { method: 'PATCH', what: `zone ${zone.origin}`, names };
    const coded = batch.groups.find((group) => group.changes.some(({ after }) => after?.type === 'LUA'));
    if (coded !== undefined) await requireLua(this, signal, coded.name);
    await this.#readJustNow(zone, changes, signal);
    const answer = await requestApi(
      this.#endpoint,
      'PATCH',
      this.#pathOf(zone),
      JSON.stringify({ rrsets }),
      signal,
    );
    const failure = failureOf(answer, asked);
    if (failure !== undefined) throw failure;
    let sets: readonly RecordSet[];
    try {
      ({ sets } = await this.#getZone(zone, signal));
    } catch (thrown) {
      throw new ProviderError('ambiguous', `${zone.origin} was changed, but then: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
    const missing = firstDifference(sets, changes, 'after');
    if (missing === undefined) return;
    const { name, type } = missing.after ?? missing.before;
    throw new ProviderError(
      'ambiguous',
      `${zone.origin} was changed, but ${name} ${type} is not as it was sent: somebody else writes it, too`,
      {
        group: name,
      },
    );
  }

  /** Returns with its turn taken and the zone seen as the batch expects it, less than `FRESH_MS` ago. */
  async #readJustNow(zone: ProviderZone, changes: readonly SetChange[], signal: AbortSignal): Promise<void> {
    const { clock, turn } = this.options;
    for (let reading = 1; ; reading += 1) {
      const { head, sets } = await this.#getZone(zone, signal);
      const readAtMs = clock.monotonicMs();
      refuseSecondary(zone, head);
      const changed = firstDifference(sets, changes, 'before');
      if (changed !== undefined) {
        const { name, type } = changed.before ?? changed.after;
        throw new ProviderError('conflict', `${name} ${type} is not as it was read`, { group: name });
      }
      await turn('PatchZone', signal);
      if (clock.monotonicMs() - readAtMs <= FRESH_MS) return;
      if (reading === MAX_READINGS)
        throw new ProviderError(
          'transient',
          `${zone.origin}: no turn came within ${FRESH_MS} ms of reading the zone`,
        );
    }
  }

  async #getZone(
    zone: ProviderZone,
    signal: AbortSignal,
    query = '',
  ): Promise<{ readonly head: ApiZoneHead; readonly sets: readonly RecordSet[] }> {
    const whole = await this.get(
      'GetZone',
      `${zonePath(zone)}${query}`,
      zoneWhole,
      { what: `zone ${zone.origin}` },
      signal,
    );
    const sets = whole.rrsets.flatMap((rrset) => setOf(rrset) ?? []);
    return { head: whole, sets };
  }

  /** GET of something of the server, when its turn has come. @throws ProviderError */
  async get<T extends z.ZodType>(
    action: string,
    path: string,
    shape: T,
    { what }: Pick<Asked, 'what'>,
    signal: AbortSignal,
  ): Promise<z.output<T>> {
    await this.options.turn(action, signal);
    const answer = await requestApi(this.#endpoint, 'GET', `${this.#serverPath()}${path}`, undefined, signal);
    const failure = failureOf(answer, { method: 'GET', what, names: [] });
    if (failure !== undefined) throw failure;
    let json: unknown;
    try {
      json = JSON.parse(answer.body);
    } catch (thrown) {
      throw notTheApi(thrown);
    }
    const parsed = shape.safeParse(json);
    if (!parsed.success) throw notTheApi(parsed.error);
    return parsed.data;
  }

  #serverPath(): string {
    return `/servers/${encodeURIComponent(this.#server)}`;
  }

  #pathOf(zone: ProviderZone): string {
    return `${this.#serverPath()}${zonePath(zone)}`;
  }

  check(zones: readonly ProviderZone[], signal: AbortSignal): Promise<readonly CheckFinding[]> {
    return checkApi(this, zones, signal);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function zonePath({ id }: ProviderZone): string {
  return `/zones/${encodeURIComponent(id)}`;
}

function notTheApi(cause: unknown): ProviderError {
  return new ProviderError('unsupported', 'what answers is not the API of PowerDNS 4', {
    cause,
    fix: 'Write the address of its webserver into `spec.powerdns.url`, such as `https://ns1.example.com:8081`.',
  });
}

/** The first change that does not find, or did not leave, the zone as it says. */
function firstDifference(
  sets: readonly RecordSet[],
  changes: readonly SetChange[],
  side: 'before' | 'after',
): SetChange | undefined {
  const now = new Map(sets.map((set) => [setKey(set), set]));
  return changes.find((change) => {
    const found = now.get(setKey(change.after ?? change.before));
    const expected = change[side];
    return found === undefined || expected === undefined
      ? found !== expected
      : !sameSet(found, canonicalSet(expected));
  });
}
