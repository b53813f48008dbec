import { KINDS, type KindInfo } from '../../src/resources/catalogue.ts';
import { crdSpecSchema } from '../../src/resources/crd.ts';
import { CRD_KINDS, CRD_NAMES, type CrdKind } from '../../src/resources/crd-kinds.ts';
import type { StructuralSchema } from '../../src/resources/crd-structural.ts';
import { API_VERSION } from '../../src/resources/metadata.ts';

/** `docs/reference/crds.md`: the kinds as custom resources, what Kubernetes refuses at once and what the hub alone judges. */
export function crdsPage(): string {
  return `# Custom resources

A hub that reads custom resources takes these kinds of \`${API_VERSION}\` from a Kubernetes cluster. Their
CustomResourceDefinitions are [deploy/crds](../../deploy/crds), generated from the schemas that the hub validates with, and this page with
them. They take the documents that \`portolan apply\` takes. Install them (AuthPolicy's is too large for the annotation of a client-side
apply) and look around:

\`\`\`sh
kubectl apply --server-side -k deploy/crds
kubectl get portolan --all-namespaces
kubectl explain trafficpolicies.portolan.dev.spec.routing
\`\`\`

Drains and Drills are acts, not wishes: they go through the API only. Secrets are Kubernetes' own. Gateway, HTTPRoute, GRPCRoute,
BackendTLSPolicy and ReferenceGrant are those of the Gateway API. Some plurals exist in other groups as well (issuers of cert-manager,
authpolicies of Kuadrant, clusters of Cluster API): write \`issuers.portolan.dev\`, or the short name.

| Kind | \`kubectl get\` | Short | Columns |
|---|---|---|---|
${CRD_KINDS.map(row).join('\n')}

## Two judges

The API server refuses what the schema and its CEL rules refuse, when it is written. The hub looks at the rest when it reads the object, and
says so in the condition \`Accepted\` of the status (\`False\`, with the message that \`portolan apply\` would give). What each does for which kind is
[below](#what-is-checked-where). CEL expressions *in* objects (\`when\`, \`counters\`, …) are compiled by the hub, and references to other
objects are looked up by it.

- **Unknown fields**: \`kubectl\` asks for strict validation, so that they are refused. A client that does not ask for it (\`fieldValidation=Strict\`)
  gets a warning, and the field is dropped before anybody sees it.
- **Defaults** are in the schema where the kind has one for each document, so that \`kubectl get -o yaml\` shows what holds. Fields that go
  with some variants only (\`path\` of HTTP checks) have theirs in the hub; the description says which.
- **null** for a field that cannot be null is as if it were left out.
- **Names** are labels of at most 63 characters, as everywhere in Portolan.

Three forms that the API of the hub takes are refused in Kubernetes: IPv4 addresses written as IPv6 (\`::ffff:192.0.2.1\`; write
\`192.0.2.1\`), URLs with blanks or without \`//\`, and conditions or counters of a RateLimitPolicy written as a mapping (\`{predicate: …}\`,
\`{expression: …}\`; write the text).

## Lists that several writers share

With server-side apply, entries of these lists belong to whoever wrote them, by their names: endpoints, geo rules (\`name\`), members of a tier
(\`endpoint\`), residency rules (\`region\`), rates (\`window\`) and conditions (\`type\`). Hostnames and issuers are sets. Every other list is written
as a whole.

## Versions

\`v1alpha1\` is served and stored. The annotation \`portolan.dev/version\` of each definition says which version of the kinds it is of. When the
next version comes:

1. It is added as served, not stored, with the conversion strategy \`None\`, as long as both have the same fields (only CEL rules or
   descriptions differ).
2. As soon as fields differ, the strategy becomes \`Webhook\`: the hub answers at \`/convert\`. It converts to the next version and back without
   loss; what the older one cannot say is kept in the annotation \`portolan.dev/v1beta1\`. Every example and random documents of both versions go there and
   back in the tests, and must come out as they went in, before the version is served.
3. One release later the new version is stored. Objects are rewritten by reading and writing each of them once, and the old version leaves
   \`status.storedVersions\`; two releases later it is no longer served. Until then, its use gives a warning (\`deprecated\`).

Definitions are updated before the hub, and are never removed by an upgrade: removing one removes all objects of its kind.

## What is checked where

${CRD_KINDS.map(section).join('\n')}`;
}

function row(kind: CrdKind): string {
  const { plural }: KindInfo = KINDS[kind];
  const { shortNames, columns } = CRD_NAMES[kind];
  const shown = columns.map(({ name, priority }) => (priority === undefined ? name : `*${name}*`));
  return `| ${kind} | \`${plural}\` | \`${shortNames.join('`, `')}\` | ${shown.join(', ')} |`;
}

/** Rules of a policy stand in three places alike. */
function once(path: string): string {
  return path.replace(/^(defaults|overrides)\.rules/, 'rules');
}

function section(kind: CrdKind): string {
  const { schema, judgedByHub } = crdSpecSchema(kind);
  const rules = [...new Set(messagesOf(schema))];
  const words = new Map<string, Set<string>>();
  for (const { path, what } of judgedByHub)
    words.set(what, (words.get(what) ?? new Set()).add(path === '' ? 'spec' : once(path)));
  const hub = [...words].map(
    ([what, places]) => `${what} (${[...places].map((place) => `\`${place}\``).join(', ')})`,
  );
  return `### ${kind}

- Rules of the API server: ${rules.length === 0 ? 'none beyond types and bounds.' : `${rules.map((rule) => `“${rule}”`).join(', ')}.`}
- The hub alone: ${hub.length === 0 ? 'references to other objects.' : `${hub.join('; ')}; references to other objects.`}
`;
}

function messagesOf(schema: StructuralSchema): readonly string[] {
  return [
    ...(schema['x-kubernetes-validations'] ?? []).map(({ message }) => message),
    ...Object.values(schema.properties ?? {}).flatMap(messagesOf),
    ...(schema.items === undefined ? [] : messagesOf(schema.items)),
    ...(schema.additionalProperties === undefined ? [] : messagesOf(schema.additionalProperties)),
  ];
}
