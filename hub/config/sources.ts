import { z } from 'zod';
import type { PortolanError } from '../../src/errors/error.ts';
import { objectName } from '../../src/resources/metadata.ts';
import { file, milliseconds } from './fields.ts';

/** `namespace/name` of an object in Kubernetes. */
const secretName = z
  .string()
  .max(317)
  .regex(
    /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
    'must be namespace/name, such as shop/dns-token',
  );

/** What sets objects besides the API. */
export const sourcesSection = z
  .strictObject({
    gitFolder: z
      .strictObject({
        path: file.describe(
          'A folder of YAML and JSON files, such as a Git checkout or the link that git-sync swaps: what stands there is what the hub has.',
        ),
        intervalMs: milliseconds
          .min(1000)
          .default(30_000)
          .describe('How often it is looked at when the system tells of no change.'),
        statusFile: file
          .optional()
          .describe('A JSON file, outside of the folder, that says after every pass what became of it.'),
        prune: z.boolean().default(true).describe('Objects that stand in the folder no more are removed.'),
        removeHostnames: z
          .boolean()
          .default(false)
          .describe(
            'TrafficPolicies and Zones whose document is gone are removed without asking; else their removal is held.',
          ),
      })
      .optional(),
    kubernetes: z
      .strictObject({
        enabled: z.boolean().default(true).describe('False: as if this section were not there.'),
        kubeconfig: file
          .optional()
          .describe(
            'A kubeconfig file. When left out: KUBECONFIG, the cluster of the pod, or ~/.kube/config.',
          ),
        context: z
          .string()
          .min(1)
          .max(253)
          .optional()
          .describe('Of that file; its current one when left out.'),
        namespaces: z
          .array(objectName)
          .min(1)
          .max(1000)
          .optional()
          .describe('Kubernetes namespaces whose custom resources the hub follows; all when left out.'),
        secrets: z
          .strictObject({
            selector: z
              .string()
              .min(1)
              .max(1000)
              .default('portolan.dev/sync=true')
              .describe('Labels of the Secrets that the hub reads, as kubectl writes them.'),
            namespaces: z
              .array(objectName)
              .min(1)
              .max(1000)
              .optional()
              .describe(
                "Where it looks for them; in `namespaces` when left out, or else in the hub's own namespace.",
              ),
            names: z
              .array(secretName)
              .min(1)
              .max(100)
              .optional()
              .describe(
                'Just these Secrets, as `namespace/name`, whatever their labels: the hub needs the right to no other.',
              ),
          })
          .refine(({ names, namespaces }) => names === undefined || namespaces === undefined, {
            path: ['namespaces'],
            message: 'is not said beside `names`, which has them',
          })
          .prefault({}),
      })
      .optional()
      .describe(
        'Custom resources of Kubernetes (portolan.dev/v1alpha1) are objects of the hub, and statuses go back to them.',
      ),
  })
  .prefault({});

/** As the file has it; paths are absolute. */
export interface SourceSettings {
  readonly gitFolder?: {
    readonly path: string;
    readonly intervalMs: number;
    readonly statusFile?: string;
    readonly prune: boolean;
    readonly removeHostnames: boolean;
  };
  readonly kubernetes?: {
    readonly kubeconfig?: string;
    readonly context?: string;
    /** Absent: all. */
    readonly namespaces?: readonly string[];
    readonly secrets: {
      readonly selector: string;
      readonly namespaces?: readonly string[];
      /** `namespace/name`: no others are asked for. */
      readonly names?: readonly string[];
    };
  };
}

type SourcesInput = z.output<typeof sourcesSection>;

/**
 * @param absolute makes a path of the file absolute
 * @param fail makes the error of a violation
 */
export function sourcesAt(
  { gitFolder, kubernetes }: SourcesInput,
  absolute: (path: string) => string,
  fail: (violation: PortolanError['violations'][number]) => PortolanError,
): SourceSettings {
  return {
    ...(gitFolder === undefined ? {} : { gitFolder: gitFolderAt(gitFolder, absolute, fail) }),
    ...(kubernetes?.enabled === true ? { kubernetes: kubernetesAt(kubernetes, absolute) } : {}),
  };
}

function kubernetesAt(
  { kubeconfig, context, namespaces, secrets }: NonNullable<SourcesInput['kubernetes']>,
  absolute: (path: string) => string,
): NonNullable<SourceSettings['kubernetes']> {
  return {
    ...(kubeconfig === undefined ? {} : { kubeconfig: absolute(kubeconfig) }),
    ...(context === undefined ? {} : { context }),
    ...(namespaces === undefined ? {} : { namespaces }),
    secrets: {
      selector: secrets.selector,
      ...(secrets.namespaces === undefined ? {} : { namespaces: secrets.namespaces }),
      ...(secrets.names === undefined ? {} : { names: secrets.names }),
    },
  };
}

function gitFolderAt(
  gitFolder: NonNullable<SourcesInput['gitFolder']>,
  absolute: (path: string) => string,
  fail: (violation: PortolanError['violations'][number]) => PortolanError,
): NonNullable<SourceSettings['gitFolder']> {
  const { statusFile, ...rest } = gitFolder;
  const path = absolute(gitFolder.path);
  if (statusFile === undefined) return { ...rest, path };
  if (absolute(statusFile).startsWith(`${path}/`)) {
    throw fail({
      path: 'sources.gitFolder.statusFile',
      code: 'CONFIG_INVALID',
      message: `lies in ${path}, where it would be read as an object`,
      fix: 'Give a file outside of the folder.',
    });
  }
  return { ...rest, path, statusFile: absolute(statusFile) };
}
