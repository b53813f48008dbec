import { describe, expect, it } from 'vitest';
import type { CertificateRecord, WantedCertificate } from '../../src/certificates/model.ts';
import { PortolanError } from '../../src/errors/error.ts';
import type { StoredCertificate } from '../store/contract.ts';
import { createCertificateBook, createScratchRecords, type SealedValues } from './book.ts';

const wanted = (id: string, more: Partial<WantedCertificate> = {}): WantedCertificate => ({
  id,
  policy: 'default/web',
  names: ['a.example'],
  key: 'ECDSA-P256',
  reuseKey: false,
  issuers: ['default/ca'],
  challenge: 'auto',
  renewal: { ari: true },
  ...more,
});
const recordOf = (id: string, serial?: string): CertificateRecord => ({
  id,
  policy: 'default/web',
  history: [],
  ...(serial === undefined
    ? {}
    : {
        current: {
          names: ['a.example'],
          key: 'ECDSA-P256',
          issuer: 'default/ca',
          serial,
          sha256: serial,
          notBeforeMs: 1,
          notAfterMs: 2,
          issuedAtMs: 1,
          renewAtMs: 2,
        },
      }),
});

/** A store of one epoch; `fails` decides what the next write does. */
function memoryStore() {
  const rows = new Map<string, StoredCertificate & { values: SealedValues }>();
  const store = {
    epoch: 1,
    theirs: 1,
    fails: undefined as undefined | 'before' | 'after',
    writes: 0,
    rows,
    listCertificates: async () => [...rows.values()],
    certificateValues: async ({ name }: { readonly name: string }) => rows.get(name)?.values ?? {},
    async putCertificates(
      writes: readonly {
        readonly key: StoredCertificate['key'];
        readonly version: number;
        readonly state: string | null;
        readonly values?: SealedValues;
      }[],
      { epoch }: { readonly epoch: number },
    ) {
      const { fails } = store;
      store.fails = undefined;
      store.writes += 1;
      if (fails === 'before') throw new PortolanError('STORE_UNAVAILABLE', 'it went away');
      for (const { key, version, state, values } of writes) {
        const before = rows.get(key.name);
        if (epoch !== store.theirs || version !== (before?.version ?? 0) + 1)
          throw new PortolanError('CONFLICT', 'not the version before');
        if (state === null) rows.delete(key.name);
        else rows.set(key.name, { key, version, state, values: values ?? before?.values ?? {} });
      }
      if (fails === 'after') throw new PortolanError('STORE_UNAVAILABLE', 'nobody heard of it');
    },
  };
  return store;
}

function bookOn(store: ReturnType<typeof memoryStore>) {
  const changes: string[] = [];
  let served = 0;
  const warnings: string[] = [];
  const book = createCertificateBook({
    store,
    onChange: (id) => changes.push(id),
    onServed: () => {
      served += 1;
    },
    log: { warn: (_details, message) => warnings.push(message) },
  });
  return { book, changes, warnings, served: () => served };
}

const forced = (record: CertificateRecord | undefined): CertificateRecord => ({
  ...(record ?? recordOf('cert-1')),
  forced: { reason: 'a person', atMs: 5 },
});

describe('the book of certificates', () => {
  it('has what another process wrote, and leaves alone what it cannot read', async () => {
    const store = memoryStore();
    await bookOn(store).book.write('cert-1', () => recordOf('cert-1', 'AA'));
    store.rows.set('cert-2', {
      key: { kind: 'certificate', namespace: 'default', name: 'cert-2' },
      version: 3,
      state: '{"id":"cert-2"',
      values: { 'current.key': 'kept' },
    });
    const { book, warnings } = bookOn(store);
    await book.load();
    expect([...book.all.keys()]).toEqual(['cert-1']);
    expect([...book.corrupt.keys()]).toEqual(['cert-2']);
    expect(warnings).toHaveLength(1);
    await expect(book.write('cert-2', () => recordOf('cert-2'))).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
    });
    expect(store.rows.get('cert-2')?.values).toEqual({ 'current.key': 'kept' });
  });

  it('writes one after the other, each from what the one before made', async () => {
    const { book } = bookOn(memoryStore());
    await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        book.write('cert-1', (record = recordOf('cert-1')) => ({
          ...record,
          history: [{ atMs: n, event: 'failed', issuer: 'default/ca', names: [] }, ...record.history],
        })),
      ),
    );
    expect(book.get('cert-1')?.history.map(({ atMs }) => atMs)).toEqual([4, 3, 2, 1, 0]);
  });

  it('writes nothing where nothing changes', async () => {
    const store = memoryStore();
    const { book, changes } = bookOn(store);
    await book.write('cert-1', () => recordOf('cert-1'));
    await book.write('cert-1', (record) => record);
    expect(store.writes).toBe(1);
    expect(changes).toEqual(['cert-1']);
  });

  it.each(['before', 'after'] as const)(
    'reads a record again after a write that broke %s it was done, and goes on from what is true',
    async (fails) => {
      const store = memoryStore();
      const { book } = bookOn(store);
      await book.write('cert-1', () => recordOf('cert-1'));
      store.fails = fails;
      await expect(book.write('cert-1', forced)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      const seen: (CertificateRecord | undefined)[] = [];
      await book.write('cert-1', (record) => {
        seen.push(record);
        return { ...recordOf('cert-1', 'BB') };
      });
      expect(seen.map((record) => record?.forced !== undefined)).toEqual([fails === 'after']);
      expect(book.get('cert-1')?.current?.serial).toBe('BB');
    },
  );

  it('I22 is refused once another hub has the store, and does not write over it', async () => {
    const store = memoryStore();
    const { book } = bookOn(store);
    await book.write('cert-1', () => recordOf('cert-1'));
    store.theirs = 2;
    await expect(book.write('cert-1', forced)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(book.write('cert-1', forced)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(store.rows.get('cert-1')?.state).not.toContain('forced');
  });

  it('serves what is wanted, to whom it is for, and all there is before anybody said so', async () => {
    const { book, served } = bookOn(memoryStore());
    await book.write('cert-1', () => recordOf('cert-1', 'AA'), {
      values: () => ({ 'current.crt': 'chain', 'current.key': 'key' }),
    });
    await book.write('cert-2', () => ({ ...recordOf('cert-2', 'BB'), cluster: 'default/east' }));
    expect(book.source.idsOf('default/web', 'default/east')).toEqual(['cert-1', 'cert-2']);
    const before = book.source.version;
    book.serve([wanted('cert-2', { cluster: 'default/east' }), wanted('cert-3'), wanted('cert-1')]);
    expect(book.source.version).toBeGreaterThan(before);
    expect(book.source.idsOf('default/web', 'default/east')).toEqual(['cert-2', 'cert-1']);
    expect(book.source.idsOf('default/web', 'default/west')).toEqual(['cert-1']);
    expect(await book.source.pair('cert-1')).toEqual({ certificatePem: 'chain', keyPem: 'key' });
    expect(await book.source.pair('cert-3')).toBeUndefined();
    const [at, count] = [book.source.version, served()];
    book.serve([wanted('cert-2', { cluster: 'default/east' }), wanted('cert-3'), wanted('cert-1')]);
    await book.write('cert-1', forced);
    expect([book.source.version, served()]).toEqual([at, count]);
    book.serve([]);
    expect(book.source.idsOf('default/web', 'default/east')).toEqual([]);
  });

  it('removes a record with its keys', async () => {
    const store = memoryStore();
    const { book } = bookOn(store);
    await book.write('cert-1', () => recordOf('cert-1', 'AA'), { values: () => ({ 'current.key': 'key' }) });
    await book.remove('cert-1');
    expect([store.rows.size, book.all.size]).toEqual([0, 0]);
  });

  it('has records of a trial apart, which nobody else sees', async () => {
    const seen: string[] = [];
    const scratch = createScratchRecords(({ id }) => seen.push(id));
    await scratch.write('try-1', () => recordOf('try-1'), { values: () => ({ 'order.key': 'key' }) });
    expect(await scratch.values('try-1')).toEqual({ 'order.key': 'key' });
    expect(seen).toEqual(['try-1']);
  });
});
