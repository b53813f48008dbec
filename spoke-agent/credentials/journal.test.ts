import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeFrame, type JournalFrame, openJournal, readJournal } from './journal.ts';

const frameOf = (sequence: number): JournalFrame => ({
  feed: 'feed',
  epoch: 1,
  from: { sequence: sequence - 1, hash: `${sequence - 1}` },
  to: { sequence, hash: `${sequence}` },
  wallMs: 5,
  entries: [
    {
      digest: Buffer.alloc(16, sequence),
      removed: false,
      id: `k-${sequence}`,
      namespace: 'default',
      principal: 'partner',
      roles: ['reader'],
      plan: '',
      labels: {},
      attributes: {},
      expiresAtSeconds: 0,
      revoked: false,
    },
  ],
});

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portolan-journal-'));
  path = join(folder, 'keys.journal');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the journal of keys', () => {
  it('I19 gives back what was written, and goes on where it ended', async () => {
    const first = await openJournal(path, 0);
    await first.append([frameOf(1), frameOf(2)]);
    await first.close();
    const { frames, end } = await readJournal(path);
    expect(frames).toEqual([frameOf(1), frameOf(2)]);
    const second = await openJournal(path, end);
    expect(second.octets).toBe(end);
    await second.append([frameOf(3)]);
    await second.close();
    expect((await readJournal(path, end)).frames).toEqual([frameOf(3)]);
    expect((await readJournal(path)).frames).toHaveLength(3);
  });

  it('I19 ends before what a crash left half written, wherever it was cut, and what comes then stands in its place', async () => {
    const whole = Buffer.concat([encodeFrame(frameOf(1)), encodeFrame(frameOf(2))]);
    const one = encodeFrame(frameOf(1)).length;
    for (let length = 0; length < whole.length; length += 1) {
      await writeFile(path, whole.subarray(0, length));
      const { frames, end } = await readJournal(path);
      expect([frames.length, end]).toEqual(length < one ? [0, 0] : [1, one]);
    }
    await writeFile(path, whole.subarray(0, whole.length - 1));
    const { end } = await readJournal(path);
    const journal = await openJournal(path, end);
    await journal.append([frameOf(2)]);
    await journal.close();
    expect(await readFile(path)).toEqual(whole);
  });

  it('ends before octets that are others than were written, also when a length was', async () => {
    const whole = Buffer.concat([encodeFrame(frameOf(1)), encodeFrame(frameOf(2))]);
    const one = encodeFrame(frameOf(1)).length;
    for (let at = 0; at < whole.length; at += 1) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0x41;
      await writeFile(path, bytes);
      const { frames } = await readJournal(path);
      expect(frames).toEqual(at < one ? [] : [frameOf(1)]);
    }
  });

  it('of which nothing was kept is empty, and what cannot be written is said', async () => {
    expect(await readJournal(path)).toEqual({ frames: [], end: 0 });
    await appendFile(path, 'x');
    expect(await readJournal(path, 10)).toEqual({ frames: [], end: 10 });
    expect((await stat(path)).size).toBe(1);
    await expect(openJournal(join(path, 'beneath'), 0)).rejects.toMatchObject({ code: 'DATA_DIR_INVALID' });
  });
});
