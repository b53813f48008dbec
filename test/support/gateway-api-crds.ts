import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { KubeClient, KubeResource } from '../../kube/contract.ts';
import { requireServer, type ServerState, skipped } from './servers.ts';
import { until } from './until.ts';

/** The newest that the Go which builds the API server reads; 1.7 wants Go 1.27. */
const MODULE = 'sigs.k8s.io/gateway-api@v1.6.3';
const SUM = 'h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=';
const FETCH_MS = 300_000;
const ESTABLISHED_MS = 30_000;

const run = promisify(execFile);
const downloaded = z.object({ Dir: z.string(), Sum: z.string() });
const crd = z.looseObject({
  apiVersion: z.literal('apiextensions.k8s.io/v1'),
  kind: z.literal('CustomResourceDefinition'),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    group: z.string(),
    names: z.looseObject({ plural: z.string() }),
    versions: z.array(z.looseObject({ name: z.string(), served: z.boolean() })),
  }),
});
const established = z.looseObject({
  status: z.looseObject({
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })),
  }),
});

export const CRDS: KubeResource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

/** The folder of the CRDs of Gateway API (standard channel), out of its Go module, which Go keeps; nothing of it is in this repository. */
export async function requireGatewayApiCrds(suite: string): Promise<ServerState> {
  const go = await requireServer('go', suite);
  if (!go.available) return go;
  try {
    const { stdout } = await run(go.path, ['mod', 'download', '-json', MODULE], { timeout: FETCH_MS });
    const { Dir, Sum } = downloaded.parse(JSON.parse(stdout));
    if (Sum !== SUM) throw new Error(`its sum is ${Sum}, not ${SUM}`);
    const path = join(Dir, 'config', 'crd', 'standard');
    if (!existsSync(path)) throw new Error(`it has no ${path}`);
    return { available: true, path };
  } catch (error) {
    const reason = `the module ${MODULE} cannot be had: ${error instanceof Error ? error.message.slice(-500) : String(error)}`;
    return skipped(suite, reason, `go mod download ${MODULE}`);
  }
}

/**
 * Applies each CustomResourceDefinition in the YAML files of a folder (other kinds are left out), and waits until the server serves them all.
 * @returns their names, such as `httproutes.gateway.networking.k8s.io`
 */
export async function applyCrds(client: KubeClient, folder: string): Promise<readonly string[]> {
  const files = (await readdir(folder)).filter((name) => /\.ya?ml$/.test(name)).sort();
  const definitions: z.output<typeof crd>[] = [];
  for (const file of files)
    for (const document of parseAllDocuments(await readFile(join(folder, file), 'utf8'))) {
      const read = crd.safeParse(document.toJS());
      if (read.success) definitions.push(read.data);
    }
  await Promise.all(
    definitions.map((definition) =>
      client.apply(definition, CRDS, { fieldManager: 'portolan-tests', force: true }),
    ),
  );
  await Promise.all(definitions.map((definition) => served(client, definition)));
  return definitions.map(({ metadata }) => metadata.name);
}

async function served(client: KubeClient, { metadata, spec }: z.output<typeof crd>): Promise<void> {
  await until(
    `${metadata.name} is established`,
    async () => {
      const read = established.safeParse(await client.get({ resource: CRDS, name: metadata.name }));
      if (!read.success) return false;
      if (!read.data.status.conditions.some((c) => c.type === 'Established' && c.status === 'True'))
        return false;
      // Its paths may come a moment after its condition.
      for (const version of spec.versions)
        if (version.served)
          await client.json(`/apis/${spec.group}/${version.name}/${spec.names.plural}?limit=1`);
      return true;
    },
    ESTABLISHED_MS,
    100,
  );
}
