import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { requireRoot, requireServer } from './servers.ts';

describe('what a suite needs and the machine lacks', () => {
  let folder: string;
  let report: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'portolan-skips-'));
    report = join(folder, 'skips.jsonl');
    vi.stubEnv('PORTOLAN_SKIP_REPORT', report);
    vi.stubEnv('CI', '');
    vi.spyOn(process, 'getuid').mockReturnValue(1000);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    await rm(folder, { recursive: true, force: true });
  });

  it('is noted with the reason and the command that brings it', () => {
    const state = requireRoot('mounts');
    expect(state).toEqual({ available: false, reason: 'it needs root', command: 'sudo npm test' });
    requireRoot('name spaces');
    const lines = readFileSync(report, 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { suite: 'mounts', reason: 'it needs root', command: 'sudo npm test' },
      { suite: 'name spaces', reason: 'it needs root', command: 'sudo npm test' },
    ]);
  });

  it('is an error in CI', () => {
    vi.stubEnv('CI', 'true');
    expect(() => requireRoot('mounts')).toThrow('In CI nothing is skipped');
  });

  it('is not noted when it is there', () => {
    vi.spyOn(process, 'getuid').mockReturnValue(0);
    expect(requireRoot('mounts')).toMatchObject({ available: true });
    expect(existsSync(report)).toBe(false);
  });

  it('is found where the PATH says', async () => {
    const program = join(folder, 'strace');
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 });
    vi.stubEnv('PATH', folder);
    expect(await requireServer('strace', 'traces')).toEqual({ available: true, path: program });
    expect(existsSync(report)).toBe(false);
  });
});
