import type { ChangeResourceRecordSetsCommandInput } from '@aws-sdk/client-route-53';
import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { containing } from '../../test/support/matchers.ts';
import { type Batch, ProviderError } from '../contract.ts';
import { applyBatch } from './apply.ts';
import { changesOf } from './change-order.ts';
import type { Route53Api } from './client.ts';

const WWW = parseName('www.example.com');
const POOL = parseName('g-1.www._pool._portolan.example.com');
const a: RecordSet = { name: WWW, type: 'A', setId: '', ttlSeconds: 60, values: ['192.0.2.1'] };
const later: RecordSet = { ...a, values: ['192.0.2.2'] };
const cname: RecordSet = { ...a, type: 'CNAME', values: ['www.example.net.'] };
const target: RecordSet = { ...a, name: POOL };
const alias: RecordSet = {
  name: WWW,
  type: 'A',
  setId: '',
  values: [],
  native: { AliasTarget: { HostedZoneId: 'Z1', DNSName: POOL, EvaluateTargetHealth: false } },
};
const fence = (value: string): RecordSet => ({
  name: parseName('hub._fence._portolan.example.com'),
  type: 'TXT',
  setId: '',
  ttlSeconds: 60,
  values: [`"${value}"`],
});

function batch(changes: Batch['groups'][number]['changes'], more: Partial<Batch> = {}): Batch {
  return { groups: [{ name: WWW, changes }], tokens: new Map(), ...more };
}

/** `DELETE www.example.com. A 192.0.2.1`, in the order of the request. */
function lines(of: Batch): readonly string[] {
  return changesOf(of).map(({ Action, ResourceRecordSet: set }) => {
    const values =
      set?.ResourceRecords?.map(({ Value }) => Value).join(' ') ?? `alias ${set?.AliasTarget?.DNSName}`;
    return `${Action} ${set?.Name} ${set?.Type} ${values}`;
  });
}

describe('the changes of a request', () => {
  it('I2 replace a set, and the fence with it, by deleting exactly what was read and creating: never by UPSERT', () => {
    const replaced = batch([{ before: a, after: later }], {
      fence: { before: fence('1'), after: fence('2') },
    });
    expect(lines(replaced)).toEqual([
      'DELETE hub._fence._portolan.example.com. TXT "1"',
      'DELETE www.example.com. A 192.0.2.1',
      'CREATE www.example.com. A 192.0.2.2',
      'CREATE hub._fence._portolan.example.com. TXT "2"',
    ]);
  });

  it('create what is new, so that a set that somebody else made meanwhile is refused, and delete what goes', () => {
    expect(lines(batch([{ after: a }]))).toEqual(['CREATE www.example.com. A 192.0.2.1']);
    expect(lines(batch([{ before: a }]))).toEqual(['DELETE www.example.com. A 192.0.2.1']);
  });

  it('make room for a CNAME first', () => {
    expect(lines(batch([{ after: cname }, { before: a }]))).toEqual([
      'DELETE www.example.com. A 192.0.2.1',
      'CREATE www.example.com. CNAME www.example.net.',
    ]);
  });

  it('create targets before the aliases that lead to them, and delete them after', () => {
    expect(lines(batch([{ after: alias }, { after: target }]))).toEqual([
      `CREATE ${POOL} A 192.0.2.1`,
      `CREATE www.example.com. A alias ${POOL}`,
    ]);
    expect(lines(batch([{ before: target }, { before: alias }]))).toEqual([
      `DELETE www.example.com. A alias ${POOL}`,
      `DELETE ${POOL} A 192.0.2.1`,
    ]);
  });
});

describe('applying a batch', () => {
  const clock = { monotonicMs: () => 0, wallMs: () => 0, wait: async () => undefined };
  const zone = { origin: parseName('example.com'), id: 'Z1', private: false, nameServers: [] };
  const never = (): never => {
    throw new Error('is not asked for');
  };

  /** Notes what is asked; every change is INSYNC at the n-th question. */
  function apiThat(getChange: Route53Api['getChange']): {
    readonly api: Route53Api;
    readonly sent: ChangeResourceRecordSetsCommandInput[];
  } {
    const sent: ChangeResourceRecordSetsCommandInput[] = [];
    const api: Route53Api = {
      listHostedZones: never,
      getHostedZone: never,
      listRecordSets: never,
      async changeRecordSets(input) {
        sent.push(input);
        return {
          $metadata: {},
          ChangeInfo: { Id: '/change/C1', Status: 'PENDING', SubmittedAt: new Date(0) },
        };
      },
      getChange,
      listHealthChecks: never,
      createHealthCheck: never,
      deleteHealthCheck: never,
      tagHealthCheck: never,
      listTags: never,
      close: never,
    };
    return { api, sent };
  }

  it('sends one request with all of it, and waits until every name server has it', async () => {
    const asked: string[] = [];
    const { api, sent } = apiThat(async (id) => {
      asked.push(id);
      const Status = asked.length < 3 ? 'PENDING' : 'INSYNC';
      return { $metadata: {}, ChangeInfo: { Id: id, Status, SubmittedAt: new Date(0) } };
    });
    const of = batch([{ before: a, after: later }]);
    await applyBatch(api, clock, zone, of, AbortSignal.timeout(5_000));
    expect(sent).toEqual([{ HostedZoneId: 'Z1', ChangeBatch: { Changes: changesOf(of) } }]);
    expect(sent[0]?.ChangeBatch?.Changes?.map(({ Action }) => Action)).toEqual(['DELETE', 'CREATE']);
    expect(asked).toEqual(['C1', 'C1', 'C1']);
  });

  it('calls every failure after the request was accepted ambiguous, so that the hub reads before it writes again', async () => {
    const { api } = apiThat(async () => {
      throw new ProviderError('denied', 'route53:GetChange is not allowed');
    });
    const applied = applyBatch(api, clock, zone, batch([{ after: a }]), AbortSignal.timeout(5_000));
    await expect(applied).rejects.toMatchObject({ failure: 'ambiguous', message: containing('C1') });
  });

  it('sends nothing where there is nothing to change', async () => {
    const { api, sent } = apiThat(never);
    await applyBatch(api, clock, zone, batch([]), AbortSignal.timeout(5_000));
    expect(sent).toEqual([]);
  });
});
