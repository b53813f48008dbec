import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PortolanError } from '../src/errors/error.ts';
import { containing, matching } from '../test/support/matchers.ts';
import { readManifests, withPlaces } from './manifest.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portolan-manifest-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (sources: readonly string[], namespace = 'default', namespaceIsExplicit = false, stdin = '') =>
  readManifests(sources, {
    workingFolder: folder,
    readStdin: async () => stdin,
    namespace,
    namespaceIsExplicit,
  });

describe('files given with -f', () => {
  it('are files, folders by name, and stdin, in the order given', async () => {
    mkdirSync(join(folder, 'more', 'below'), { recursive: true });
    writeFileSync(join(folder, 'a.yaml'), 'n: 1\n---\nn: 2\n');
    writeFileSync(join(folder, 'more', 'z.json'), '{"n": 4}');
    writeFileSync(join(folder, 'more', 'b.yml'), 'n: 3');
    writeFileSync(join(folder, 'more', 'notes.txt'), 'not: read');
    writeFileSync(join(folder, 'more', 'below', 'c.yaml'), 'not: read');
    const documents = await read(['-', 'a.yaml', 'more'], 'default', false, 'n: 0');
    expect(documents.map((d) => [d.file, d.value])).toEqual([
      ['-', { n: 0 }],
      ['a.yaml', { n: 1 }],
      ['a.yaml', { n: 2 }],
      ['more/b.yml', { n: 3 }],
      ['more/z.json', { n: 4 }],
    ]);
  });

  it('give documents without a namespace the one of the command', async () => {
    writeFileSync(join(folder, 'a.yaml'), 'metadata: {name: x}\n---\nmetadata: {name: y, namespace: own}\n');
    const documents = await read(['a.yaml'], 'shop');
    expect(documents.map((d) => d.value)).toEqual([
      { metadata: { name: 'x', namespace: 'shop' } },
      { metadata: { name: 'y', namespace: 'own' } },
    ]);
    await expect(read(['a.yaml'], 'shop', true)).rejects.toMatchObject({
      code: 'USAGE',
      message: containing('a.yaml:3'),
    });
  });

  it.each<[what: string, sources: readonly string[], code: string, message: RegExp]>([
    ['a file that is not there', ['none.yaml'], 'USAGE', /none\.yaml cannot be read/],
    ['a folder without documents', ['.'], 'USAGE', /no document/],
    ['text that is no YAML', ['bad/bad.yaml'], 'YAML_INVALID', /bad\/bad\.yaml: line 3/],
  ])('I36 with %s are refused', async (_what, sources, code, message) => {
    mkdirSync(join(folder, 'bad'));
    writeFileSync(join(folder, 'bad', 'bad.yaml'), 'a:\n  b: 1\n c: 2\n');
    await expect(read(sources)).rejects.toMatchObject({ code, message: matching(message) });
  });

  it("show the hub's violations at file, line and field", async () => {
    writeFileSync(
      join(folder, 'a.yaml'),
      'kind: A\n---\nkind: B\nspec:\n  geo:\n    - name: x\n    - name: y\n',
    );
    const documents = await read(['a.yaml']);
    const violation = {
      path: 'documents[1].spec.geo[1].name',
      code: 'VALIDATION_FAILED',
      message: 'no',
      fix: 'f',
    } as const;
    const refused = new PortolanError('VALIDATION_FAILED', 'documents[1].spec.geo[1].name: no', {
      violations: [violation],
    });
    const placed = withPlaces(refused, documents);
    expect(placed.violations[0]?.path).toBe('a.yaml:7 spec.geo[1].name');
    expect(placed.message).toBe('a.yaml:7 spec.geo[1].name: no');
    expect(withPlaces(new PortolanError('VALIDATION_FAILED', 'document 2: no'), documents).message).toBe(
      'a.yaml:3: no',
    );
  });
});
