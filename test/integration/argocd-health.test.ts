import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type CelInput, run as evaluate } from '@bufbuild/cel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
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

/** What it is, the object, what Argo CD makes of it and says, and what Flux makes of it. */
const CASES: readonly (readonly [string, object, string, RegExp, 'InProgress' | 'Failed' | 'Current'])[] = [
  ['without a status', { metadata: { generation: 1 } }, 'Progressing', /not looked at it yet/, 'InProgress'],
  ['changed since', resource(good, false, { generation: 3 }), 'Progressing', /last change/, 'InProgress'],
  ['that the hub looks at', resource(good, true), 'Progressing', /looks at it/, 'InProgress'],
  [
    'on its way',
    resource([verdict('Accepted', 'True'), verdict('Programmed', 'False')]),
    'Progressing',
    /Programmed/,
    'InProgress',
  ],
  ['in effect', resource(good), 'Healthy', /Programmed "is" True/, 'Current'],
  ['refused', resource([verdict('Accepted', 'False', 'Invalid')]), 'Degraded', /Accepted/, 'Failed'],
  ['set by another', resource([verdict('Accepted', 'False', 'Conflict')]), 'Degraded', /Accepted/, 'Failed'],
  ['held', resource([verdict('Accepted', 'False', 'GuardHeld')]), 'Suspended', /Accepted/, 'Failed'],
  [
    'being removed',
    resource(good, false, { deletionTimestamp: '2026-11-22T09:00:00Z' }),
    'Progressing',
    /removing/,
    'Current',
  ],
];

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

    it.each(CASES)('%s', async (_case, object, status, message) => {
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

const flux = z.object({
  kind: z.string(),
  spec: z.object({
    healthCheckExprs: z
      .array(
        z.object({
          apiVersion: z.string(),
          kind: z.string().optional(),
          inProgress: z.string().optional(),
          failed: z.string(),
          current: z.string(),
        }),
      )
      .default([]),
  }),
});
type Checks = z.output<typeof flux>['spec']['healthCheckExprs'][number];

/** The order and the words of Flux: `StatusEvaluator.Evaluate` of its package `runtime/cel`. */
function fluxVerdict(checks: Checks, object: object): string {
  const facts: Record<string, CelInput> = Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, toCel(value)]),
  );
  for (const [verdict, expression] of [
    ['InProgress', checks.inProgress],
    ['Failed', checks.failed],
    ['Current', checks.current],
  ] as const) {
    if (expression === undefined) continue;
    const result = evaluate(expression, facts);
    // It waits, as with a field that is not there yet.
    if (typeof result !== 'boolean') return 'InProgress';
    if (result) return verdict;
  }
  return 'InProgress';
}

/** Whole numbers of JSON are `int` there, as the API server has them. */
function toCel(value: unknown): CelInput {
  if (typeof value === 'number') return BigInt(value);
  if (Array.isArray(value)) return value.map(toCel);
  if (typeof value === 'object' && value !== null)
    return new Map(Object.entries(value).map(([name, inner]) => [name, toCel(inner)]));
  return typeof value === 'string' || typeof value === 'boolean' ? value : null;
}

describe('the health checks for Flux', async () => {
  const text = await readFile(
    fileURLToPath(new URL('../../deploy/flux/objects.yaml', import.meta.url)),
    'utf8',
  );
  const all = parseAllDocuments(text).flatMap(
    (document) => flux.parse(document.toJS()).spec.healthCheckExprs,
  );
  const checksOf = (kind: string | undefined): Checks => {
    const found = all.find((one) => one.kind === kind);
    if (found === undefined) throw new Error(`no checks of ${kind}`);
    return found;
  };

  it.each(CASES)('%s', (_case, object, _status, _message, verdict) => {
    expect(fluxVerdict(checksOf(undefined), object)).toBe(verdict);
  });

  it.each(['HTTPRoute', 'GRPCRoute'])('a %s is ready when a Gateway of the hub has it', (kind) => {
    const route = (status: string, reason: string, controllerName = 'portolan.dev/gateway-controller') => ({
      metadata: { generation: 2 },
      status: {
        parents: [
          { controllerName, conditions: [{ type: 'Accepted', status, reason, observedGeneration: 2 }] },
        ],
      },
    });
    const checks = checksOf(kind);
    expect(fluxVerdict(checks, route('True', 'Accepted'))).toBe('Current');
    expect(fluxVerdict(checks, { ...route('True', 'Accepted'), metadata: { generation: 3 } })).toBe(
      'InProgress',
    );
    expect(fluxVerdict(checks, route('False', 'Pending'))).toBe('InProgress');
    expect(fluxVerdict(checks, route('False', 'UnsupportedValue'))).toBe('Failed');
    expect(fluxVerdict(checks, route('True', 'Accepted', 'example.com/other'))).toBe('InProgress');
    expect(fluxVerdict(checks, { metadata: { generation: 1 } })).toBe('InProgress');
  });
});
