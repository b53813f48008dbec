import { agentConfigSchema, FLAG_FIELDS } from '../../spoke-agent/config.ts';
import { jsonSchemaOf } from '../../src/resources/json-schema.ts';
import { fieldTable } from './field-rows.ts';

/** `docs/reference/agent-config.md`: the agent's configuration file, environment and flags. */
export function agentConfigurationPage(): string {
  const { root, definitions } = jsonSchemaOf(agentConfigSchema);
  const flags = Object.entries(FLAG_FIELDS).map(
    ([flag, path]) => `| \`--${flag}\` | \`${path.join('.')}\` |`,
  );
  return `# Agent configuration

A YAML file, named by \`portolan agent --config\` or \`PORTOLAN_AGENT_CONFIG\`. Only \`dataDir\` is required. Unknown fields
are refused with \`CONFIG_INVALID\`. Relative paths start at the working folder. This page is generated from the schema the
agent validates with.

${fieldTable(root, '', definitions)}

Addresses to listen on are \`host:port\`, such as \`127.0.0.1:53\` or \`[::1]:53\`; port 0 lets the system choose. What is
advertised is a host name or an address with a port from 1 to 65535: other machines dial it as it stands.

## Environment and flags

\`PORTOLAN_DATA_DIR\` wins over \`dataDir\` of the file, and a flag wins over both. Flags of lists may be repeated;
\`--no-dns\` and \`--no-gateway\` set their fields to false; \`--gateway-port 443=8443\` maps one port. [\`portolan cluster join\`](cli.md#cluster-join) takes the same flags.

| Flag | Field |
|---|---|
${flags.join('\n')}
`;
}
