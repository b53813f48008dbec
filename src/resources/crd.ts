import { stringify } from 'yaml';
import { KINDS, type KindInfo } from './catalogue.ts';
import { CRD_KINDS, CRD_NAMES, type CrdKind, type PrinterColumn } from './crd-kinds.ts';
import { CRD_RULES } from './crd-rules.ts';
import { type CrdSchema, crdSchema } from './crd-schema.ts';
import type { StructuralSchema } from './crd-structural.ts';
import { API_VERSION } from './metadata.ts';

const [GROUP = '', VERSION = ''] = API_VERSION.split('/');

/** A CustomResourceDefinition of apiextensions.k8s.io/v1, as far as ours use it. */
export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced';
    readonly names: {
      readonly kind: CrdKind;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames: readonly string[];
      readonly categories: readonly string[];
    };
    readonly conversion: { readonly strategy: 'None' };
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly storage: boolean;
      readonly subresources: { readonly status: Readonly<Record<string, never>> };
      readonly additionalPrinterColumns: readonly PrinterColumn[];
      readonly schema: { readonly openAPIV3Schema: StructuralSchema };
    }[];
  };
}

/** The schema of a kind's spec for Kubernetes, and what of it the hub alone checks. */
export function crdSpecSchema(kind: CrdKind): CrdSchema {
  try {
    return crdSchema(KINDS[kind].spec, CRD_RULES[kind]);
  } catch (error) {
    throw new Error(`${kind}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/**
 * The CustomResourceDefinition of a kind.
 * @throws Error where its schema has a shape that Kubernetes has no counterpart for
 */
export function customResourceDefinition(kind: CrdKind): CustomResourceDefinition {
  const { plural, summary }: KindInfo = KINDS[kind];
  const { shortNames, columns, status } = CRD_NAMES[kind];
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${GROUP}`,
      labels: {
        'app.kubernetes.io/name': 'portolan',
        'app.kubernetes.io/part-of': 'portolan',
        'app.kubernetes.io/component': 'crds',
      },
      annotations: { 'portolan.dev/version': VERSION },
    },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames,
        categories: ['portolan'],
      },
      conversion: { strategy: 'None' },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: {
            openAPIV3Schema: {
              description: `${kind}: ${summary}.`,
              type: 'object',
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                // The hub's names are labels: they end up in DNS names and file names.
                metadata: {
                  type: 'object',
                  properties: {
                    name: { type: 'string', maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' },
                  },
                },
                spec: { description: `What is wanted: ${summary}.`, ...crdSpecSchema(kind).schema },
                status: statusSchema(status),
              },
            },
          },
        },
      ],
    },
  };
}

/** Conditions as Kubernetes has them; the rest is the hub's, written by programs alone, and kept as it is. */
function statusSchema(fields: Readonly<Record<string, string>>): StructuralSchema {
  return {
    description: 'What the hub says of it. Written by Portolan only.',
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
    properties: {
      observedGeneration: {
        description: 'Generation of the spec that the status is about.',
        type: 'integer',
        format: 'int64',
        minimum: 0,
      },
      conditions: {
        type: 'array',
        maxItems: 32,
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
        items: CONDITION,
      },
      ...Object.fromEntries(
        Object.entries(fields).map(([name, description]): [string, StructuralSchema] => [
          name,
          { description, 'x-kubernetes-preserve-unknown-fields': true },
        ]),
      ),
    },
  };
}

/** `metav1.Condition`. */
const CONDITION: StructuralSchema = {
  type: 'object',
  required: ['type', 'status', 'lastTransitionTime', 'reason', 'message'],
  properties: {
    type: { type: 'string', maxLength: 316 },
    status: { type: 'string', enum: ['True', 'False', 'Unknown'], maxLength: 7 },
    observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
    lastTransitionTime: { type: 'string', format: 'date-time', maxLength: 64 },
    reason: {
      description: 'For programs.',
      type: 'string',
      minLength: 1,
      maxLength: 1024,
      pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
    },
    message: { description: 'For people.', type: 'string', maxLength: 32_768 },
  },
};

/** Files below `deploy/crds`, by name: one for each kind, and a kustomization of all. */
export function crdFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const kind of CRD_KINDS) {
    const { plural }: KindInfo = KINDS[kind];
    files.set(
      `${GROUP}_${plural}.yaml`,
      `# Generated from src/resources by \`npm run generate\`; not to be edited.\n${yaml(customResourceDefinition(kind))}`,
    );
  }
  const resources = [...files.keys()];
  files.set(
    'kustomization.yaml',
    `# Generated by \`npm run generate\`; not to be edited.\n${yaml({
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources,
    })}`,
  );
  return files;
}

function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 120, aliasDuplicateObjects: false });
}
