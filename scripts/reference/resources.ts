import { KIND_NAMES, KINDS, type Kind } from '../../src/resources/catalogue.ts';
import { type JsonSchema, kindJsonSchema } from '../../src/resources/json-schema.ts';
import { API_VERSION } from '../../src/resources/metadata.ts';
import { fieldTable } from './field-rows.ts';

/** `docs/reference/resources.md`: every field of every kind. */
export function resourcesPage(): string {
  return `# Resources

Every object has \`apiVersion\` (\`${API_VERSION}\`, or what its section says), \`kind\`, \`metadata\` (\`name\`,
\`namespace\`, \`labels\`, \`annotations\`) and
\`spec\`; the hub adds \`status\`. Unknown fields are refused. Editors can use the JSON Schemas in
[schemas/](schemas/): \`# yaml-language-server: $schema=…/portolan.json\` as the first line of a file. This page is
generated from the schemas that the hub validates with.

${KIND_NAMES.map(section).join('\n')}`;
}

function section(kind: Kind): string {
  const schema = kindJsonSchema(kind);
  const definitions = schema.$defs as Readonly<Record<string, JsonSchema>>;
  const { plural, aliases, summary, apiVersions } = KINDS[kind];
  return `## ${kind}

${apiVersions[0] === API_VERSION ? '' : `\`apiVersion: ${apiVersions.join('` or `')}\`. `}A ${kind} is ${summary}. Path in the API: \`${plural}\`; on the command line also ${aliases.map((a) => `\`${a}\``).join(', ')}.

${fieldTable(schema.properties?.spec ?? {}, 'spec', definitions)}
`;
}
