import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { parseAllDocuments, stringify } from 'yaml';
import { z } from 'zod';

const run = promisify(execFile);

export const CHARTS = ['hub', 'agent'] as const;
export type Chart = (typeof CHARTS)[number];
/** Where the manifests without Helm put everything. */
export const NAMESPACE = 'portolan';

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
});
export type Manifest = z.output<typeof manifest>;

/** The objects of YAML or JSON text with any number of documents. */
export function manifestsIn(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => z.unknown().parse(document.toJS()))
    .filter((value) => value !== null)
    .map((value) => manifest.parse(value));
}

/** What `helm template` makes of a chart. @throws what helm says */
export async function rendered(
  helm: string,
  chart: string,
  args: readonly string[] = [],
  namespace = NAMESPACE,
  release = 'portolan',
): Promise<readonly Manifest[]> {
  // A helm built by Go knows of no newer Kubernetes than its libraries did when that was not said.
  const version = ['--kube-version', '1.36.0'];
  const { stdout } = await run(
    helm,
    ['template', release, chart, '--namespace', namespace, ...version, ...args],
    { maxBuffer: 1 << 25 },
  );
  return manifestsIn(stdout);
}

/** The same objects for people without Helm: nothing says that Helm looks after them. */
export async function plainManifests(
  helm: string,
  chartFolder: string,
  chart: Chart,
  namespace = NAMESPACE,
): Promise<readonly Manifest[]> {
  const objects = await rendered(helm, chartFolder, [], namespace, `portolan-${chart}`);
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: namespace,
        labels: {
          'app.kubernetes.io/part-of': 'portolan',
          'pod-security.kubernetes.io/enforce': 'restricted',
        },
      },
    },
    ...objects.map(withoutHelm),
  ];
}

function withoutHelm(object: Manifest): Manifest {
  return z.custom<Manifest>().parse(
    JSON.parse(JSON.stringify(object), (key: string, value: unknown) => {
      if (key !== 'labels' || typeof value !== 'object' || value === null) return value;
      const {
        'helm.sh/chart': _,
        'app.kubernetes.io/managed-by': __,
        ...labels
      } = Object.fromEntries(Object.entries(value));
      return labels;
    }),
  );
}

/** The text of a file that is generated from a chart. */
export function manifestText(chart: Chart, objects: readonly Manifest[]): string {
  const documents = objects.map((object) => stringify(object, { lineWidth: 0 }));
  return `# Made of deploy/helm/portolan-${chart} by scripts/deploy.ts; not to be edited.\n${documents.join('---\n')}`;
}

export function kustomizationText(chart: Chart): string {
  return `# A base: put images, patches and your configuration into an overlay.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: ${NAMESPACE}
resources:
  - ${chart}.yaml
`;
}

/** The agent's objects as code of the CLI. */
export function agentObjectsText(objects: readonly Manifest[]): string {
  return `/** deploy/install-agent.yaml, with a namespace to be replaced. Made by scripts/deploy.ts; not to be edited. */
export const AGENT_OBJECTS: readonly unknown[] = ${JSON.stringify(objects, undefined, 2)};
`;
}
