/**
 * What of `deploy/` is made of something else: schemas and Roles of the charts of the programs' own lists, and with `--helm PROGRAM` the manifests for
 * people without Helm of the charts. `--check` writes nothing and fails when a file on disk differs.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  agentObjectsText,
  CHARTS,
  kustomizationText,
  manifestText,
  plainManifests,
} from './deploy/manifests.ts';
import { agentChartRules, hubChartRules } from './deploy/rules.ts';
import { agentValuesSchema, hubValuesSchema } from './deploy/values-schema.ts';
import { guideWithValues } from './deploy/values-table.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** Path below the root → what it must hold, of the files that need no Helm. */
export async function generatedWithoutHelm(): Promise<ReadonlyMap<string, string>> {
  const guide = 'docs/guides/install-kubernetes.md';
  return new Map([
    ['deploy/helm/portolan-hub/values.schema.json', json(hubValuesSchema())],
    ['deploy/helm/portolan-agent/values.schema.json', json(agentValuesSchema())],
    ['deploy/helm/portolan-hub/files/rules.json', json(hubChartRules())],
    ['deploy/helm/portolan-agent/files/rules.json', json(agentChartRules())],
    [guide, guideWithValues(await readFile(join(root, guide), 'utf8'))],
  ]);
}

/** The same of those that Helm renders. */
export async function generatedWithHelm(helm: string): Promise<ReadonlyMap<string, string>> {
  const wanted = new Map<string, string>();
  for (const chart of CHARTS) {
    const text = manifestText(
      chart,
      await plainManifests(helm, join(root, `deploy/helm/portolan-${chart}`), chart),
    );
    wanted.set(`deploy/install-${chart}.yaml`, text);
    wanted.set(`deploy/kustomize/${chart}/${chart}.yaml`, text);
    wanted.set(`deploy/kustomize/${chart}/kustomization.yaml`, kustomizationText(chart));
  }
  // The CLI brings the agent to a cluster without files beside it.
  wanted.set(
    'cli/kubernetes/generated/agent-objects.ts',
    agentObjectsText(
      await plainManifests(helm, join(root, 'deploy/helm/portolan-agent'), 'agent', 'namespace-of-the-agent'),
    ),
  );
  return wanted;
}

/** Files whose text on disk is another. */
export async function staleFiles(wanted: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const stale: string[] = [];
  for (const [path, text] of wanted)
    if ((await readFile(join(root, path), 'utf8').catch(() => undefined)) !== text) stale.push(path);
  return stale;
}

async function write(wanted: ReadonlyMap<string, string>): Promise<void> {
  for (const path of await staleFiles(wanted)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), wanted.get(path) ?? '');
    console.log(`written: ${path}`);
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, helm: { type: 'string' } } });
  const step = async (wanted: ReadonlyMap<string, string>): Promise<void> => {
    if (values.check !== true) {
      await write(wanted);
      return;
    }
    for (const path of await staleFiles(wanted)) {
      console.error(`not what scripts/deploy.ts writes: ${path}`);
      process.exitCode = 1;
    }
  };
  await step(await generatedWithoutHelm());
  if (values.helm !== undefined) await step(await generatedWithHelm(values.helm));
}
