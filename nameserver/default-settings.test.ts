import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, it } from 'vitest';
import { DEFAULT_NAME_SERVER_SETTINGS } from './default-settings.ts';
import { nameServerSettings } from './settings.ts';

it('the defaults that are written out are those of the schema', () => {
  expect(DEFAULT_NAME_SERVER_SETTINGS).toEqual(nameServerSettings.parse({}));
});

it('a name server thread loads none of the libraries that only configuration needs', async () => {
  const { metafile } = await build({
    entryPoints: [fileURLToPath(new URL('./worker.ts', import.meta.url))],
    bundle: true,
    write: false,
    metafile: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
  });
  const packages = Object.values(metafile.outputs)
    .flatMap(({ imports }) => imports.map(({ path }) => path))
    .filter((path) => !path.startsWith('node:'));
  expect([...new Set(packages)]).toEqual(['@bufbuild/protobuf/wire']);
});
