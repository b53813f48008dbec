import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT_NAME_SERVER_SETTINGS } from '../nameserver/default-settings.ts';
import { PortolanError } from '../src/errors/error.ts';
import { DEFAULT_QUORUM } from '../src/health/types.ts';
import { ENVIRONMENT_OVERRIDES } from './config/environment.ts';
import { isLoopback } from './config/listen-address.ts';
import { loadConfig, parseConfig } from './config.ts';

const parse = (text: string, env: Record<string, string> = {}) =>
  parseConfig({ text, name: 'hub.yaml', baseDir: '/etc/portolan', env });
const refusal = (text: string, env: Record<string, string> = {}): PortolanError => {
  try {
    parse(text, env);
  } catch (thrown) {
    if (thrown instanceof PortolanError) return thrown;
    throw thrown;
  }
  throw new Error('the configuration was accepted');
};

describe('the hub configuration', () => {
  it('needs nothing: the defaults listen on loopback and keep everything beside the file', () => {
    expect(parse('')).toEqual({
      api: { host: '127.0.0.1', port: 7460, allowedHosts: [] },
      agents: {
        joinListen: { host: '127.0.0.1', port: 7461 },
        linkListen: { host: '127.0.0.1', port: 7462 },
        advertise: ['127.0.0.1'],
      },
      dns: { ...DEFAULT_NAME_SERVER_SETTINGS, listen: [{ host: '127.0.0.1', port: 8053 }] },
      dnssec: { parentServers: {} },
      certificates: { resolvers: [], parallelOrders: 8 },
      store: { kind: 'sqlite', file: '/etc/portolan/portolan-data/portolan.db' },
      dataDir: '/etc/portolan/portolan-data',
      secrets: { keyFile: '/etc/portolan/portolan-data.key' },
      geo: { regions: {}, trustedKeys: [] },
      network: { allowedRanges: [] },
      providers: { ownCredentials: ['default'] },
      health: { failureDomain: 'hub', quorum: DEFAULT_QUORUM },
      election: { mode: 'none', advertise: {}, lease: { name: 'portolan-hub' }, leaseSeconds: 15 },
      sources: {},
      logLevel: 'info',
    });
  });

  it('follows custom resources only where that is said, in the file or the environment', () => {
    expect(parse('sources: {kubernetes: {enabled: false}}').sources).toEqual({});
    expect(parse('', { PORTOLAN_SOURCE_KUBERNETES: 'true' }).sources).toEqual({
      kubernetes: { secrets: { selector: 'portolan.dev/sync=true' } },
    });
    expect(
      parse('sources: {kubernetes: {kubeconfig: kube, namespaces: [shop]}}', {
        PORTOLAN_SOURCE_KUBERNETES_NAMESPACES: 'shop,infra',
      }).sources.kubernetes,
    ).toMatchObject({ kubeconfig: '/etc/portolan/kube', namespaces: ['shop', 'infra'] });
    const named = (secrets: string) =>
      parse(`sources: {kubernetes: {secrets: ${secrets}}}`).sources.kubernetes;
    expect(named('{names: [shop/dns, infra/tsig]}')?.secrets.names).toEqual(['shop/dns', 'infra/tsig']);
    expect(() => named('{names: [dns]}')).toThrow('namespace/name');
    expect(() => named('{names: [shop/dns], namespaces: [shop]}')).toThrow('beside `names`');
  });

  it('takes resolvers by their address alone: a name would need a resolver', () => {
    expect(
      parse('certificates: {resolvers: ["192.0.2.1:53", "[2001:db8::1]:5353"]}').certificates.resolvers,
    ).toEqual([
      { host: '192.0.2.1', port: 53 },
      { host: '2001:db8::1', port: 5353 },
    ]);
    expect(() => parse('certificates: {resolvers: ["localhost:53"]}')).toThrow(/must be an address/);
  });

  it('reads every field, with paths relative to the file', () => {
    const config = parse(`
api: {host: 0.0.0.0, port: 443, allowedHosts: [hub.example.com], tls: {certFile: tls.crt, keyFile: /secret/tls.key}}
agents: {joinListen: "0.0.0.0:1", linkListen: "[::]:2", advertise: [hub.example.com]}
dns: {listen: ["[::1]:53", "localhost:54"]}
store: {postgres: {url: "postgres://db/portolan"}}
dataDir: data
secrets: {keyFile: keys/kek}
geo: {database: geo.mmdb, regions: {Nordics: [SE, "NO", DK]}}
network: {allowedRanges: [10.1.2.3/8]}
providers: {ownCredentials: [platform, "*"]}
health: {failureDomain: rack-1, holdMs: 1000}
logLevel: debug
`);
    expect(config).toMatchObject({
      api: { tls: { certFile: '/etc/portolan/tls.crt', keyFile: '/secret/tls.key' } },
      agents: { linkListen: { host: '::', port: 2 }, advertise: ['hub.example.com'] },
      dns: {
        listen: [
          { host: '::1', port: 53 },
          { host: 'localhost', port: 54 },
        ],
      },
      store: { kind: 'postgres', url: 'postgres://db/portolan' },
      dataDir: '/etc/portolan/data',
      secrets: { keyFile: '/etc/portolan/keys/kek' },
      geo: { database: '/etc/portolan/geo.mmdb', regions: { Nordics: ['SE', 'NO', 'DK'] }, trustedKeys: [] },
      network: { allowedRanges: ['10.0.0.0/8'] },
      providers: { ownCredentials: ['platform', '*'] },
      health: { failureDomain: 'rack-1', quorum: { ...DEFAULT_QUORUM, holdMs: 1000 } },
    });
  });

  it('lets the environment win over the file', () => {
    const config = parse('api: {port: 1}\nstore: {sqlite: {file: a.db}}\n', {
      PORTOLAN_API_PORT: '2',
      PORTOLAN_DNS_LISTEN: '127.0.0.1:3, [::1]:4',
      PORTOLAN_POSTGRES_URL: 'postgres://db/x',
      PORTOLAN_LOG_LEVEL: 'warn',
      PORTOLAN_DATA_DIR: '',
    });
    expect(config).toMatchObject({
      api: { port: 2 },
      dns: { listen: [{ port: 3 }, { port: 4 }] },
      store: { kind: 'postgres', url: 'postgres://db/x' },
      logLevel: 'warn',
      dataDir: '/etc/portolan/portolan-data',
    });
  });

  it('knows each overridden field: none of the variables is refused as an unknown field', () => {
    const values: Record<string, string> = {
      PORTOLAN_API_PORT: '1',
      PORTOLAN_ADMIN_LISTEN: '127.0.0.1:1',
      PORTOLAN_JOIN_LISTEN: 'a:1',
      PORTOLAN_LINK_LISTEN: 'a:1',
      PORTOLAN_DNS_LISTEN: 'a:1',
      PORTOLAN_LOG_LEVEL: 'info',
      PORTOLAN_ALLOWED_RANGES: '10.0.0.0/8',
      PORTOLAN_API_HOST: 'localhost',
      PORTOLAN_ELECTION_MODE: 'none',
      PORTOLAN_ELECTION_API: 'http://127.0.0.1:1',
      PORTOLAN_ELECTION_JOIN: 'a:1',
      PORTOLAN_ELECTION_LINK: 'a:1',
      PORTOLAN_SOURCE_KUBERNETES: 'true',
    };
    for (const name of Object.keys(ENVIRONMENT_OVERRIDES))
      expect(() =>
        // Where its status goes says nothing without the folder.
        parse('', { PORTOLAN_GIT_FOLDER: '/policies', [name]: values[name] ?? 'x' }),
      ).not.toThrow();
  });

  it.each<[what: string, text: string, path: string, fix: RegExp]>([
    ['an unknown field', 'api: {hots: x}', 'api.hots', /Did you mean "host"/],
    ['an unknown section', 'sotre: {}', 'sotre', /Did you mean "store"/],
    ['a port out of range', 'api: {port: 70000}', 'api.port', /at most 65535/],
    ['a listen address without port', 'dns: {listen: [localhost]}', 'dns.listen[0]', /host:port/],
    [
      'a port out of range in a listen address',
      'agents: {joinListen: "a:70000"}',
      'agents.joinListen',
      /host:port/,
    ],
    ['two stores', 'store: {sqlite: {}, postgres: {url: x}}', 'store', /./],
    ['a region of no country', 'geo: {regions: {X: [Germany]}}', 'geo.regions.X[0]', /such as DE/],
    ['a range that is none', 'network: {allowedRanges: [10.0.0.0]}', 'network.allowedRanges[0]', /CIDR/],
    ['a quorum of one', 'health: {minFailureDomains: 1}', 'health.minFailureDomains', /at least 2/],
    ['a reachable API without TLS', 'api: {host: 0.0.0.0}', 'api.tls', /127\.0\.0\.1/],
    ['a named reachable API without TLS', 'api: {host: hub.example.com}', 'api.tls', /./],
    [
      'agents that cannot be told an address',
      'agents: {joinListen: "0.0.0.0:7461"}',
      'agents.advertise',
      /./,
    ],
  ])('I36 refuses %s and names the field', (_what, text, path, fix) => {
    const error = refusal(text);
    expect(error.code).toBe('CONFIG_INVALID');
    const paths = error.violations.map((v) => v.path);
    expect(paths.some((p) => p === path || p.startsWith(`${path}.`))).toBe(true);
    expect(error.violations.find((v) => v.path.startsWith(path))?.fix).toMatch(fix);
    expect(error.violations.every((v) => v.code === 'CONFIG_INVALID')).toBe(true);
    expect(error.message).toContain('hub.yaml');
  });

  it.each([
    ['text that is no YAML', 'a: [', /line 1/],
    ['two documents', 'api: {}\n---\napi: {}', /2 documents/],
    ['a list', '- 1', /not a mapping/],
  ])('I36 refuses %s', (_what, text, message) => {
    const error = refusal(text);
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toMatch(message);
  });

  it('refuses a port in the environment that is none', () => {
    expect(refusal('', { PORTOLAN_API_PORT: 'http' }).violations[0]).toMatchObject({ path: 'api.port' });
  });

  it('is read from a file; one that is not there is said so', () => {
    const folder = mkdtempSync(join(tmpdir(), 'portolan-config-'));
    writeFileSync(join(folder, 'hub.yaml'), 'dataDir: here\n');
    expect(loadConfig('hub.yaml', {}, folder).dataDir).toBe(join(folder, 'here'));
    expect(() => loadConfig('nope.yaml', {}, folder)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  it('knows loopback from reachable', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', 'localhost'].every(isLoopback)).toBe(true);
    expect(['0.0.0.0', '::', '10.0.0.1', 'hub.example.com', 'localhost.evil.com'].some(isLoopback)).toBe(
      false,
    );
  });
});
