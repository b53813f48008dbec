import { type ConfigSource, isMapping } from './config-text.ts';

/** Which environment variable overrides which field. Lists are separated by commas. */
export const ENVIRONMENT_OVERRIDES = {
  PORTOLAN_API_HOST: { path: ['api', 'host'], type: 'text' },
  PORTOLAN_API_PORT: { path: ['api', 'port'], type: 'number' },
  PORTOLAN_API_ALLOWED_HOSTS: { path: ['api', 'allowedHosts'], type: 'list' },
  PORTOLAN_JOIN_LISTEN: { path: ['agents', 'joinListen'], type: 'text' },
  PORTOLAN_LINK_LISTEN: { path: ['agents', 'linkListen'], type: 'text' },
  PORTOLAN_ADVERTISE: { path: ['agents', 'advertise'], type: 'list' },
  PORTOLAN_DNS_LISTEN: { path: ['dns', 'listen'], type: 'list' },
  PORTOLAN_ADMIN_LISTEN: { path: ['admin', 'listen'], type: 'text' },
  PORTOLAN_POSTGRES_URL: { path: ['store', 'postgres', 'url'], type: 'text' },
  PORTOLAN_ELECTION_MODE: { path: ['election', 'mode'], type: 'text' },
  PORTOLAN_ELECTION_IDENTITY: { path: ['election', 'identity'], type: 'text' },
  PORTOLAN_ELECTION_API: { path: ['election', 'advertise', 'api'], type: 'text' },
  PORTOLAN_ELECTION_JOIN: { path: ['election', 'advertise', 'join'], type: 'text' },
  PORTOLAN_ELECTION_LINK: { path: ['election', 'advertise', 'link'], type: 'text' },
  PORTOLAN_ELECTION_LEASE_NAMESPACE: { path: ['election', 'lease', 'namespace'], type: 'text' },
  PORTOLAN_DATA_DIR: { path: ['dataDir'], type: 'text' },
  PORTOLAN_KEY_FILE: { path: ['secrets', 'keyFile'], type: 'text' },
  PORTOLAN_GEO_DATABASE: { path: ['geo', 'database'], type: 'text' },
  PORTOLAN_ALLOWED_RANGES: { path: ['network', 'allowedRanges'], type: 'list' },
  PORTOLAN_OWN_CREDENTIALS: { path: ['providers', 'ownCredentials'], type: 'list' },
  PORTOLAN_GIT_FOLDER: { path: ['sources', 'gitFolder', 'path'], type: 'text' },
  PORTOLAN_GIT_FOLDER_STATUS: { path: ['sources', 'gitFolder', 'statusFile'], type: 'text' },
  PORTOLAN_SOURCE_KUBERNETES: { path: ['sources', 'kubernetes', 'enabled'], type: 'flag' },
  PORTOLAN_SOURCE_KUBERNETES_NAMESPACES: { path: ['sources', 'kubernetes', 'namespaces'], type: 'list' },
  PORTOLAN_LOG_LEVEL: { path: ['logLevel'], type: 'text' },
} as const satisfies Record<
  string,
  { readonly path: readonly string[]; readonly type: 'text' | 'number' | 'list' | 'flag' }
>;

/** The configuration, changed, with what the environment says of it. */
export function withEnvironment(
  config: Record<string, unknown>,
  env: ConfigSource['env'],
): Record<string, unknown> {
  for (const [name, { path, type }] of Object.entries(ENVIRONMENT_OVERRIDES)) {
    const text = env[name];
    if (text === undefined || text === '') continue;
    const value =
      type === 'list'
        ? text.split(',').map((part) => part.trim())
        : type === 'number' && /^\d+$/.test(text)
          ? Number(text)
          : type === 'flag' && (text === 'true' || text === 'false')
            ? text === 'true'
            : text;
    let at = config;
    // One store only: a database URL in the environment replaces what the file says of the store.
    if (path[0] === 'store') at.store = {};
    for (const step of path.slice(0, -1)) {
      const next = at[step];
      const inner: Record<string, unknown> = isMapping(next) ? next : {};
      at[step] = inner;
      at = inner;
    }
    at[path.at(-1) ?? ''] = value;
  }
  return config;
}
