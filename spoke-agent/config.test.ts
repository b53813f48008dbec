import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PortolanError } from '../src/errors/error.ts';
import { containing } from '../test/support/matchers.ts';
import { loadConfig } from './config.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'portolan-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (text: string): string => {
  const path = join(folder, 'agent.yaml');
  writeFileSync(path, text);
  return path;
};

const refused = (argv: readonly string[], env: Record<string, string> = {}): PortolanError => {
  try {
    loadConfig(argv, env);
  } catch (error) {
    if (error instanceof PortolanError) return error;
    throw error;
  }
  throw new Error('it was accepted');
};

describe('the configuration of an agent', () => {
  it('needs a data directory and nothing else', () => {
    const config = loadConfig(['--data-dir', '/srv/agent'], {});
    expect(config).toMatchObject({
      dataDir: '/srv/agent',
      witness: false,
      dns: { enabled: true, listen: [{ host: '127.0.0.1', port: 5353 }] },
      peer: { listen: { host: '127.0.0.1', port: 0 } },
      network: { allowedRanges: [] },
    });
    expect(config.admin).toBeUndefined();
    const error = refused([]);
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.fix).toContain('--data-dir');
  });

  it('maps ports of Gateways, by the file or by flags, and makes its paths absolute', () => {
    const path = file(
      'dataDir: /d\ngateway: {host: "::", ports: {"443": 8443}, workers: 2, accessLog: {file: a.log}, certificates: [{certificateFile: c, keyFile: /k}]}\n',
    );
    expect(loadConfig(['--config', path], {}).gateway).toMatchObject({
      enabled: true,
      host: '::',
      ports: { '443': 8443 },
      workers: 2,
      graceSeconds: 10,
      accessLog: { file: resolve('a.log') },
      certificates: [{ certificateFile: resolve('c'), keyFile: '/k' }],
    });
    const flags = ['--gateway-port', '443=0', '--gateway-port', '80=8080', '--gateway-host', '192.0.2.1'];
    expect(loadConfig(['--data-dir', '/d', ...flags], {}).gateway).toMatchObject({
      host: '192.0.2.1',
      ports: { '443': 0, '80': 8080 },
    });
    expect(loadConfig(['--data-dir', '/d', '--no-gateway'], {}).gateway.enabled).toBe(false);
    expect(loadConfig(['--data-dir', '/d', '--witness'], {}).gateway.enabled).toBe(false);
    for (const wrong of ['443', '443=x', 'x=1', '0=1', '443=70000']) {
      expect(refused(['--data-dir', '/d', '--gateway-port', wrong]).message).toContain('gateway.ports');
    }
  });

  it('serves a Kubernetes cluster only when it is asked to, by the file or by a flag', () => {
    expect(loadConfig(['--data-dir', '/d'], {}).kubernetes).toEqual({ enabled: false, nodeAddresses: false });
    expect(loadConfig(['--data-dir', '/d', '--kubernetes'], {}).kubernetes.enabled).toBe(true);
  });

  it('comes from the file, over it the environment, over that the flags', () => {
    const path = file('dataDir: /from/file\nlog: {level: warn}\ndns: {listen: ["[::1]:53", "0.0.0.0:53"]}\n');
    expect(loadConfig(['--config', path], {})).toMatchObject({
      dataDir: '/from/file',
      log: { level: 'warn' },
      dns: {
        listen: [
          { host: '::1', port: 53 },
          { host: '0.0.0.0', port: 53 },
        ],
      },
    });
    expect(loadConfig(['--config', path], { PORTOLAN_DATA_DIR: '/from/env' }).dataDir).toBe('/from/env');
    const flags = [
      '--config',
      path,
      '--data-dir',
      '/from/flag',
      '--dns',
      '127.0.0.1:5300',
      '--log-level',
      'debug',
    ];
    expect(loadConfig(flags, { PORTOLAN_DATA_DIR: '/from/env' })).toMatchObject({
      dataDir: '/from/flag',
      log: { level: 'debug' },
      dns: { listen: [{ host: '127.0.0.1', port: 5300 }] },
    });
    expect(loadConfig([], { PORTOLAN_AGENT_CONFIG: path }).dataDir).toBe('/from/file');
  });

  it('of a witness has no name server', () => {
    expect(loadConfig(['--data-dir', '/d', '--witness'], {}).dns.enabled).toBe(false);
    expect(loadConfig(['--data-dir', '/d', '--no-dns'], {}).dns.enabled).toBe(false);
  });

  it.each([
    ['an unknown field', 'dataDir: /d\ndnss: {}\n', 'CONFIG_INVALID', 'dnss'],
    [
      'an address without a port',
      'dataDir: /d\ndns: {listen: ["127.0.0.1"]}\n',
      'CONFIG_INVALID',
      'dns.listen[0]',
    ],
    [
      'a port beyond 65535',
      'dataDir: /d\nadmin: {listen: "127.0.0.1:70000"}\n',
      'CONFIG_INVALID',
      'admin.listen',
    ],
    [
      'a range that is none',
      'dataDir: /d\nnetwork: {allowedRanges: [loopback]}\n',
      'CONFIG_INVALID',
      'network.allowedRanges[0]',
    ],
    ['a list at the top', '- a\n', 'CONFIG_INVALID', 'not a mapping'],
    ['text that is no YAML', 'a: [1\n', 'YAML_INVALID', 'agent.yaml'],
  ])('refuses %s and says where', (_, text, code, place) => {
    const error = refused(['--config', file(text)]);
    expect(error.code).toBe(code);
    expect(error.message).toContain(place);
  });

  it.each([
    ['dnss: {}', 'Did you mean "dns"?'],
    ['dns: {lisen: ["127.0.0.1:53"]}', 'Did you mean "listen"?'],
    ['log: {level: inf}', 'Did you mean "info"?'],
    ['peer: {listen: "127.0.0.1"}', 'Write host:port, such as 127.0.0.1:53 or [::1]:53.'],
  ])('says what was probably meant by %s', (text, fix) => {
    expect(refused(['--config', file(`dataDir: /d\n${text}\n`)]).fix).toBe(fix);
  });

  // The hub refuses the agent that says such a thing of itself, and then nothing reaches it.
  it.each(['example:0', 'example:65536', 'unix:7463', 'a b:53', '192.0.2.1'])(
    'does not advertise %j, which nobody could dial',
    (address) => {
      for (const flag of ['--peer-advertise', '--dns-advertise']) {
        const error = refused(['--data-dir', '/d', flag, address]);
        expect(error).toMatchObject({ code: 'CONFIG_INVALID', fix: containing('host:port') });
      }
    },
  );

  it('takes from flags what it advertises', () => {
    const flags = ['--peer-advertise', 'agent.example:7463', '--dns-advertise', '[2001:db8::1]:53'];
    expect(loadConfig(['--data-dir', '/d', ...flags, '--admin', '127.0.0.1:0'], {})).toMatchObject({
      peer: { advertise: 'agent.example:7463' },
      dns: { advertise: ['[2001:db8::1]:53'] },
      admin: { listen: { host: '127.0.0.1', port: 0 } },
    });
  });

  it('refuses flags it does not know, and a file that is not there', () => {
    expect(refused(['--data-dir', '/d', '--dn', 'x']).code).toBe('USAGE');
    expect(refused(['--config', join(folder, 'absent.yaml')]).code).toBe('CONFIG_INVALID');
  });
});
