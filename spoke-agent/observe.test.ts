import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRoutedTable } from '../nameserver/routed-table.ts';
import { createNameServer, type NameServer } from '../nameserver/server.ts';
import { TYPE } from '../src/dns/types.ts';
import { createStateView } from '../src/health/state-view.ts';
import { Observe_QuestionSchema, ObserveSchema } from '../src/protocol/generated/portolan_pb.js';
import type { GeoLookup } from '../src/routing/model.ts';
import { formatListen } from './listen-address.ts';
import { observe } from './observe.ts';
import { readPart } from './snapshot-file.ts';
import { createHubStandIn, WWW } from './testing/hub-stand-in.ts';

/** 198.51.100.0/24 is in the US. */
const geo: GeoLookup = {
  sha256: '',
  locate: ({ bytes }) => ({
    location: bytes[0] === 198 ? { country: 'US', continent: 'NA' } : {},
    prefixLength: 24,
    exact: true,
  }),
};

let server: NameServer;
let address: string;

beforeAll(async () => {
  const hub = await createHubStandIn();
  const toUs = { name: 'us', cidrs: [], subdivisions: [], countries: ['US'], regions: [], continents: [] };
  const policy = { ...WWW, geo: [{ ...toUs, tiers: [{ members: [{ endpoint: 'us', weight: 1 }] }] }] };
  const [part] = hub.snapshot({ routing: { policies: [policy] } }).parts;
  const view = createStateView(
    { targets: new Map(), drains: new Map(), lastHealthy: new Map(), takenAtMs: 0, freshAtMs: 0 },
    () => 0,
  );
  const { table } = createRoutedTable({
    routing: readPart(part?.content ?? new Uint8Array(), 'routing'),
    geo,
    view: () => view,
    random: () => 0,
  });
  server = createNameServer({ listen: [{ host: '127.0.0.1', port: 0 }], table: () => table });
  const [bound] = await server.start();
  if (bound === undefined) throw new Error('it listens');
  address = formatListen(bound);
});
afterAll(() => server.close());

const question = (country: string, subnet: string, hostname = 'www.example.test') =>
  create(Observe_QuestionSchema, { hostname, type: TYPE.A, country, subnet });

describe('observing the own name server', () => {
  it('asks through its socket as a client of each subnet would', async () => {
    const questions = [question('US', '198.51.100.0/24'), question('DE', '192.0.2.0/24'), question('', '')];
    const batch = await observe(create(ObserveSchema, { id: 'o-1', questions }), address);
    expect(batch.id).toBe('o-1');
    expect(batch.observations.map((o) => [o.country, o.answers, o.rcode, o.error, o.server])).toEqual([
      ['US', ['192.0.2.2'], 0, '', address],
      ['DE', ['192.0.2.1'], 0, '', address],
      ['', ['192.0.2.1'], 0, '', address],
    ]);
    expect(batch.observations[0]?.ttlSeconds).toBeGreaterThan(0);
  });

  it('says what an answer without records was', async () => {
    const order = create(ObserveSchema, {
      questions: [question('', '', 'absent.example.test'), question('', '', 'www.elsewhere.test')],
    });
    const { observations } = await observe(order, address);
    expect(observations.map((o) => [o.answers, o.rcode])).toEqual([
      [[], 3],
      [[], 5],
    ]);
  });

  it('says why there is none, for each question', async () => {
    const order = create(ObserveSchema, { questions: [question('', 'nonsense'), question('', '', 'a..b')] });
    const { observations } = await observe(order, address);
    expect(observations.map((o) => o.error !== '')).toEqual([true, true]);
    const without = await observe(create(ObserveSchema, { questions: [question('', '')] }), undefined);
    expect(without.observations[0]?.error).toContain('no name server');
  });
});
