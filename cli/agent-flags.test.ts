import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../spoke-agent/config.ts';
import { addAgentFlags, agentArguments } from './agent-flags.ts';

const passedOn = (argv: readonly string[]): readonly string[] => {
  const command = addAgentFlags(new Command().exitOverride());
  command.parse(argv, { from: 'user' });
  return agentArguments(command.opts(), 'agent-data');
};

describe('flags of the agent', () => {
  it('are passed on as they were given, and the agent understands every one', () => {
    const argv = [
      ...['--dns', '127.0.0.1:5301', '--dns', '127.0.0.2:5301', '--dns-advertise', '192.0.2.1:53'],
      ...['--gateway-host', '::', '--gateway-port', '443=8443', '--gateway-port', '80=0'],
      ...['--peer-listen', '127.0.0.1:0', '--peer-advertise', '192.0.2.1:7463', '--admin', '127.0.0.1:9000'],
      ...['--allow-range', '127.0.0.0/8', '--geo-database', 'geo.mmdb', '--log-level', 'debug', '--witness'],
    ];
    const args = passedOn(argv);
    expect(args).toEqual(['--data-dir', 'agent-data', ...argv]);
    expect(loadConfig(args, {})).toMatchObject({
      dns: { listen: [{ port: 5301 }, { host: '127.0.0.2' }] },
      gateway: { host: '::', ports: { '443': 8443, '80': 0 } },
      network: { allowedRanges: ['127.0.0.0/8'] },
      witness: true,
    });
  });

  it('may turn the name server or the gateway off', () => {
    expect(passedOn(['--no-dns'])).toEqual(['--data-dir', 'agent-data', '--no-dns']);
    expect(loadConfig(passedOn(['--no-dns']), {})).toMatchObject({
      dns: { enabled: false },
      gateway: { enabled: true },
    });
    expect(loadConfig(passedOn(['--no-gateway']), {}).gateway.enabled).toBe(false);
  });

  it('that were not given are left to the agent', () => {
    expect(passedOn([])).toEqual(['--data-dir', 'agent-data']);
  });
});
