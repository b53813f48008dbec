import { beforeEach, describe, expect, it } from 'vitest';
import { PortolanError } from '../src/errors/error.ts';
import type { SignedSnapshot } from '../src/identity/snapshot-signing.ts';
import { createSnapshotIntake, type SnapshotIntake } from './snapshot-intake.ts';
import type { StoredSnapshot } from './snapshot-store.ts';

let accepting: {
  readonly message: SignedSnapshot;
  readonly settle: (result: StoredSnapshot | PortolanError) => void;
}[];
let done: string[];

beforeEach(() => {
  accepting = [];
  done = [];
});

const stored = (version: number): StoredSnapshot => {
  const mark = { epoch: 1, version, hash: `hash-${version}` };
  const empty = new Uint8Array();
  return {
    path: `/snapshots/${version}`,
    mark,
    parts: { routing: empty, probes: empty, peers: empty },
    pieces: new Map(),
    manifest: {
      hub: '',
      cluster: '',
      epoch: 1,
      version,
      previous: '',
      issuedAtMs: 0,
      minimumAgent: '',
      parts: [],
    },
  };
};

const message = (text: string): SignedSnapshot => ({
  manifest: Buffer.from(text),
  signature: new Uint8Array(),
  keyId: '',
  parts: [],
  pieces: [],
});

const quiet = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

const open = (current?: StoredSnapshot, served = ''): SnapshotIntake =>
  createSnapshotIntake({
    store: {
      load: () => Promise.resolve(current),
      accept: (signed) =>
        new Promise((resolve, reject) => {
          accepting.push({
            message: signed,
            settle: (result) => (result instanceof PortolanError ? reject(result) : resolve(result)),
          });
        }),
    },
    current,
    served,
    apply: ({ mark }) => void done.push(`apply ${mark.version}`),
    tellData: (path) => void done.push(`serve ${path}`),
    acknowledge: ({ version }, error) => void done.push(`ack ${version}${error === '' ? '' : `: ${error}`}`),
    log: quiet,
  });

const settled = async (result: StoredSnapshot | PortolanError): Promise<void> => {
  accepting.shift()?.settle(result);
  // Everything that follows from it runs in promises that are already under way.
  await new Promise((resolve) => setImmediate(resolve));
};

describe('a snapshot of the hub', () => {
  it('is applied, served, and acknowledged only then', async () => {
    const intake = open();
    intake.offer(message('a'));
    await settled(stored(1));
    expect(done).toEqual(['apply 1', 'serve /snapshots/1']);
    intake.serving('hash-1', '');
    expect(done.at(-1)).toBe('ack 1');
    expect(intake.served).toBe('hash-1');
  });

  it('that the store refuses is reported, and the last good one stays', async () => {
    const intake = open(stored(1), 'hash-1');
    intake.offer(message('a'));
    await settled(new PortolanError('DISK_FULL', 'no space'));
    expect(done).toEqual(['ack 1: DISK_FULL: no space']);
    expect(intake.current?.mark.version).toBe(1);
  });

  it('that the data process cannot serve is reported with its reason', async () => {
    const intake = open(stored(1), 'hash-1');
    intake.offer(message('a'));
    await settled(stored(2));
    intake.serving('hash-1', 'out of something');
    expect(done.at(-1)).toBe('ack 2: out of something');
  });

  it('that came while the one before was being served is acknowledged by its own answer, whatever that of the other says', async () => {
    const intake = open(stored(1), 'hash-1');
    for (const version of [2, 3]) {
      intake.offer(message(`${version}`));
      await settled(stored(version));
    }
    // The data process takes one after the other; of one it came too late for the file is gone.
    intake.serving('hash-1', 'it is not there any more');
    expect(done.filter((line) => line.startsWith('ack'))).toEqual([]);
    intake.serving('hash-3', '');
    expect(done.filter((line) => line.startsWith('ack'))).toEqual(['ack 3']);

    for (const version of [4, 5]) {
      intake.offer(message(`${version}`));
      await settled(stored(version));
    }
    intake.serving('hash-4', '');
    intake.serving('hash-4', 'out of something');
    expect(done.at(-1)).toBe('ack 5: out of something');
    expect(done.filter((line) => line.startsWith('ack'))).toHaveLength(2);
  });

  it('that is served already is acknowledged without work', async () => {
    const intake = open(stored(1), 'hash-1');
    intake.offer(message('a'));
    await settled(stored(1));
    expect(done).toEqual(['ack 1']);
  });

  it('waits for the one before, and only the newest of those that wait is taken', async () => {
    const intake = open();
    for (const text of ['a', 'b', 'c']) intake.offer(message(text));
    expect(accepting).toHaveLength(1);
    await settled(stored(1));
    expect(accepting.map((each) => Buffer.from(each.message.manifest).toString())).toEqual(['c']);
    await settled(stored(3));
    expect(done.filter((line) => line.startsWith('apply'))).toEqual(['apply 1', 'apply 3']);
  });

  it('on the disk that the data process does not serve yet is handed to it at the start', () => {
    open(stored(4), '');
    open(stored(4), 'hash-4');
    expect(done).toEqual(['serve /snapshots/4']);
  });
});
