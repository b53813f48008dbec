import { describe, expect, it } from 'vitest';
import { parseName } from '../../src/dns/name.ts';
import type { RecordSet } from '../../src/plan/record-set.ts';
import { createEmptyReadings } from './empty-reading.ts';
import {
  type MemoryProvider,
  memoryProvider,
  memoryStore,
  wanted,
  workerFor,
} from './zone-worker-fixture.ts';

const WWW = 'www.example.com.';
const MAIL: RecordSet = {
  name: parseName('mail.example.com.'),
  type: 'MX',
  setId: '',
  ttlSeconds: 60,
  values: ['10 mx.example.net.'],
};

/** Until `ends` is called, the zone is read as if nothing stood in it but `left`. */
function lies(provider: MemoryProvider, ...left: readonly RecordSet[]): () => void {
  const truth = [...provider.sets.values()];
  for (const set of truth) provider.drop(set);
  for (const set of left) provider.put(set);
  return () => {
    for (const set of left) provider.drop(set);
    for (const set of truth) provider.put(set);
  };
}

async function published() {
  const provider = memoryProvider();
  const store = memoryStore();
  const at = workerFor(provider, { store });
  provider.put(MAIL);
  await at.want(wanted('www', '192.0.2.1'));
  provider.calls.splice(0);
  return { provider, store, at };
}

describe('a zone that is read as if it were empty', () => {
  it('I8 is read once more at once, and nothing is written when that shows it as it is', async () => {
    const { provider, at } = await published();
    const ends = lies(provider);
    provider.beforeAnswer = async () => {
      provider.beforeAnswer = undefined;
      ends();
    };
    at.worker.reread();
    await at.want(wanted('www', '192.0.2.1'));
    expect(provider.calls).toEqual(['read', 'read']);
    expect(at.worker.state.error).toBeUndefined();
    await at.worker.close();
  });

  it.each([
    ['empty', []],
    ['with records of others alone', [MAIL]],
  ])('I8 is held while it goes on, though it is wanted otherwise meanwhile: %s', async (_what, left) => {
    const { provider, at } = await published();
    const ends = lies(provider, ...left);
    at.worker.reread();
    await at.want(wanted('www', '192.0.2.1'));
    await at.want(wanted('www', '192.0.2.2'));
    await at.clock.pass(30_000);
    expect(provider.calls).not.toContain('apply');
    expect(at.worker.state.error).toMatchObject({ code: 'PROVIDER_UNAVAILABLE' });
    expect(at.worker.state.error?.message).toContain('nothing of the one name that this hub wrote');
    expect(at.worker.state.error?.fix).toContain('portolan provider check main');
    ends();
    await at.clock.pass(40_000);
    expect(at.worker.state.error).toBeUndefined();
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.2']);
    expect(provider.calls.filter((call) => call === 'apply')).toHaveLength(1);
    await at.worker.close();
  });

  it('I8 is filled again once a reading a minute later says the same', async () => {
    const { provider, at } = await published();
    lies(provider, MAIL);
    at.worker.reread();
    await at.want(wanted('www', '192.0.2.1'));
    await at.clock.pass(59_000);
    expect(provider.valuesOf(WWW)).toEqual([]);
    await at.clock.pass(5_000);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    expect(at.worker.state.error).toBeUndefined();
    await at.worker.close();
  });

  it('I8 is filled again at once when a person asks', async () => {
    const { provider, at } = await published();
    lies(provider, MAIL);
    at.worker.reread();
    await at.want(wanted('www', '192.0.2.1'));
    expect(provider.valuesOf(WWW)).toEqual([]);
    at.worker.retry();
    await at.clock.pass(1);
    expect(provider.valuesOf(WWW)).toEqual(['192.0.2.1']);
    await at.worker.close();
  });

  it('I8 is doubted by the next hub, too, which remembers what this one wrote', async () => {
    const { provider, store, at } = await published();
    await at.worker.close();
    lies(provider, MAIL);
    const next = workerFor(provider, { store, epoch: 2 });
    await next.want(wanted('www', '192.0.2.1'));
    expect(provider.calls).not.toContain('apply');
    expect(next.worker.state.error?.message).toContain('seems to be empty');
    await next.worker.close();
  });
});

describe('a reading', () => {
  const origin = parseName('example.com.');
  const set = (name: string, type: string, value: string): RecordSet => ({
    name: parseName(name),
    type,
    setId: '',
    ttlSeconds: 60,
    values: [value],
  });
  const readings = () =>
    createEmptyReadings({ key: 'shop/main/example.com.', origin, owner: 'hub-1', monotonicMs: () => 0 });

  it('is doubted without SOA and NS where there were some before', () => {
    const of = readings();
    expect(of.doubt([MAIL], new Set())).toBeUndefined();
    expect(of.doubt([set('example.com.', 'NS', 'ns1.example.net.'), MAIL], new Set())).toBeUndefined();
    expect(of.doubt([MAIL], new Set())?.message).toContain('neither SOA nor NS');
    expect(of.doubt([set('example.com.', 'SOA', 'x')], new Set())).toBeUndefined();
  });

  it.each([
    ['our fence', set('hub-1._fence._portolan.example.com.', 'TXT', '"x"')],
    ['a name that was written, whatever is there now', set(WWW, 'TXT', '"x"')],
    [
      'one of our markers',
      set(
        'old._owner._portolan.example.com.',
        'TXT',
        '"heritage=portolan,portolan/owner=hub-1,portolan/types=A,portolan/resource=trafficpolicy/shop/old"',
      ),
    ],
  ])('is believed with %s', (_what, one) => {
    const written = new Set([parseName(WWW)]);
    expect(readings().doubt([one], written)).toBeUndefined();
    expect(readings().doubt([], written)).toBeDefined();
    expect(readings().doubt([], new Set())).toBeUndefined();
  });
});
