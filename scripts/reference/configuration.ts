import { ENVIRONMENT_OVERRIDES } from '../../hub/config/environment.ts';
import { configSchema } from '../../hub/config/schema.ts';
import { jsonSchemaOf } from '../../src/resources/json-schema.ts';
import { fieldTable } from './field-rows.ts';

/** `docs/reference/hub-config.md`: the hub's configuration file and environment. */
export function configurationPage(): string {
  const { root, definitions } = jsonSchemaOf(configSchema);
  const variables = Object.entries(ENVIRONMENT_OVERRIDES).map(
    ([name, { path, type }]) =>
      `| \`${name}\` | \`${path.join('.')}\` | ${type === 'list' ? 'list, separated by commas' : type} |`,
  );
  return `# Hub configuration

A YAML file, named by \`portolan hub --config\`; \`portolan init\` writes one that works. Every field may be left out.
Unknown fields are refused with \`CONFIG_INVALID\`. Relative paths start at the file. An API on an address that other
machines can reach needs \`api.tls\`. This page is generated from the schema the hub validates with.

${fieldTable(root, '', definitions)}

## Environment

A variable wins over the file.

| Variable | Field | Type |
|---|---|---|
${variables.join('\n')}
`;
}
