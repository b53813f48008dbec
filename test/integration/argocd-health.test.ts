import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CRD_NAMES } from '../../src/resources/crd-kinds.ts';
import { readiness, type Verdict } from '../../src/resources/kstatus.ts';
import { goProgram } from '../support/go-tools.ts';
import { requireServer } from '../support/servers.ts';

const run = promisify(execFile);
/** The Lua that Argo CD runs these scripts with. */
const GOPHER_LUA = 'github.com/yuin/gopher-lua/cmd/glua@v1.1.1';
const folder = fileURLToPath(new URL('../../deploy/argocd/', import.meta.url));
const go = await requireServer('go', 'health scripts of Argo CD');

const verdict = (type: string, status: Verdict['status'], reason = 'Because'): Verdict => ({
  type,
  status,
  reason,
  message: `${type} "is" ${status}`,
});
/** A custom resource as the hub leaves it. */
const resource = (verdicts: readonly Verdict[], waiting = false, metadata = {}) => ({
  metadata: { name: 'web', generation: 2, ...metadata },
  status: { observedGeneration: 2, conditions: [...verdicts, ...readiness(verdicts, waiting)] },
});
const good = [verdict('Accepted', 'True'), verdict('Programmed', 'True')];

/** A value as Lua source; what JSON escapes, Lua does too, but for numbers of characters. */
function lua(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (Array.isArray(value)) return `{${value.map(lua).join(', ')}}`;
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([key, inner]) => `[${JSON.stringify(key)}] = ${lua(inner)}`)
      .join(', ')}}`;
  return JSON.stringify(value);
}

describe('the health scripts for Argo CD', () => {
  it('are the same for every kind that has a custom resource', async () => {
    const script = await readFile(join(folder, 'health.lua'), 'utf8');
    const map: unknown = parse(await readFile(join(folder, 'resource-customizations.yaml'), 'utf8'));
    expect(map).toHaveProperty(
      'data',
      Object.fromEntries(
        Object.keys(CRD_NAMES).map((kind) => [`resource.customizations.health.portolan.dev_${kind}`, script]),
      ),
    );
  });

  describe.skipIf(!go.available)('run by the Lua of Argo CD', () => {
    let work: string;
    let program: string;
    beforeAll(async () => {
      work = await mkdtemp(join(tmpdir(), 'portolan-lua-'));
      program = await goProgram(GOPHER_LUA, 'glua');
    });
    afterAll(() => rm(work, { recursive: true, force: true }));

    it.each<[string, unknown, string, RegExp]>([
      ['without a status', { metadata: { generation: 1 } }, 'Progressing', /not looked at it yet/],
      ['changed since', resource(good, false, { generation: 3 }), 'Progressing', /last change/],
      ['that the hub looks at', resource(good, true), 'Progressing', /looks at it/],
      [
        'on its way',
        resource([verdict('Accepted', 'True'), verdict('Programmed', 'False')]),
        'Progressing',
        /Programmed/,
      ],
      ['in effect', resource(good), 'Healthy', /Programmed "is" True/],
      ['refused', resource([verdict('Accepted', 'False', 'Invalid')]), 'Degraded', /Accepted/],
      ['set by another', resource([verdict('Accepted', 'False', 'Conflict')]), 'Degraded', /Accepted/],
      ['held', resource([verdict('Accepted', 'False', 'GuardHeld')]), 'Suspended', /Accepted/],
      [
        'being removed',
        resource(good, false, { deletionTimestamp: '2026-11-22T09:00:00Z' }),
        'Progressing',
        /removing/,
      ],
    ])('%s', async (_case, object, status, message) => {
      const script = await readFile(join(folder, 'health.lua'), 'utf8');
      const file = join(work, 'check.lua');
      await writeFile(
        file,
        `obj = ${lua(object)}\nlocal hs = (function()\n${script}\nend)()\nprint(hs.status .. "|" .. hs.message)\n`,
      );
      const { stdout } = await run(program, [file]);
      const [got, told] = stdout.trim().split('|');
      expect(got).toBe(status);
      expect(told).toMatch(message);
    });
  });
});
