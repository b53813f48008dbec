/**
 * `npm run generate`: everything that is made from something else. `--check` writes nothing and fails when a file on disk
 * differs from what would be written.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import { cliReference } from '../cli/reference.ts';
import { openApi } from '../hub/api/endpoints.ts';
import { KIND_NAMES } from '../src/resources/catalogue.ts';
import { crdFiles } from '../src/resources/crd.ts';
import { combinedJsonSchema, kindJsonSchema } from '../src/resources/json-schema.ts';
import { agentConfigurationPage } from './reference/agent-configuration.ts';
import { configurationPage } from './reference/configuration.ts';
import { crdsPage } from './reference/crds.ts';
import { errorsPage } from './reference/errors.ts';
import { resourcesPage } from './reference/resources.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const check = process.argv.includes('--check');

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** Path below the root -> what it must hold. */
const wanted = new Map<string, string>([
  ['docs/reference/openapi.json', json(openApi())],
  ['docs/reference/cli.md', cliReference()],
  ['docs/reference/errors.md', errorsPage()],
  ['docs/reference/resources.md', resourcesPage()],
  ['docs/reference/crds.md', crdsPage()],
  ['docs/reference/hub-config.md', configurationPage()],
  ['docs/reference/agent-config.md', agentConfigurationPage()],
  ['docs/reference/schemas/portolan.json', json(combinedJsonSchema())],
  ...KIND_NAMES.map((kind): [string, string] => [
    `docs/reference/schemas/${kind}.json`,
    json(kindJsonSchema(kind)),
  ]),
  ...[...crdFiles()].map(([name, text]): [string, string] => [`deploy/crds/${name}`, text]),
  ['src/client/generated/api.d.ts', await apiTypes()],
  ...(await protocolFiles()),
]);

const stale: string[] = [];
for (const [path, text] of wanted) {
  const current = await readFile(join(root, path), 'utf8').catch(() => undefined);
  if (current === text) continue;
  stale.push(path);
  if (check) continue;
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
}
if (stale.length === 0) console.log(`${wanted.size} generated files are current`);
else if (check) {
  console.error(`not what \`npm run generate\` writes:\n${stale.map((path) => `  ${path}`).join('\n')}`);
  process.exitCode = 1;
} else console.log(`written:\n${stale.map((path) => `  ${path}`).join('\n')}`);

/** Types of the API for openapi-fetch. */
async function apiTypes(): Promise<string> {
  // A copy as plain data: the tool works on the document in place.
  const tree = await openapiTS(JSON.stringify(openApi()), { defaultNonNullable: false, alphabetize: true });
  return `/** Generated from docs/reference/openapi.json by \`npm run generate\`; not to be edited. */\n${astToString(tree)}`;
}

/** The code of the stream protocol and of Envoy's services, generated aside so that a check leaves the tree alone. */
async function protocolFiles(): Promise<readonly [string, string][]> {
  const envoy = 'src/protocol/envoy';
  return [
    ...(await generated('src/protocol/generated', [])),
    // Descriptors of go-control-plane v1.40.0, without their options; the README beside them says how they were made.
    ...(await generated(`${envoy}/generated`, [
      `${envoy}/services.binpb`,
      '--template',
      `${envoy}/buf.gen.yaml`,
      '--exclude-path',
      'google/protobuf',
    ])),
  ];
}

async function generated(out: string, options: readonly string[]): Promise<readonly [string, string][]> {
  const folder = await mkdtemp(join(tmpdir(), 'portolan-generate-'));
  try {
    // `buf generate` resolves the plug-in by PATH and paths of its template from the folder it runs in.
    execFileSync('buf', ['generate', ...options, '--output', folder], {
      cwd: root,
      env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH ?? ''}` },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const names = await readdir(join(folder, out), { recursive: true, withFileTypes: true });
    const files = names
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
    return await Promise.all(
      files.map(
        async (file): Promise<[string, string]> => [file, await readFile(join(folder, file), 'utf8')],
      ),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
