import type { Command } from 'commander';
import { repeated } from './repeated-option.ts';

/** Flags of the agent, as `agent` and `cluster join` take and pass them on. */
const FLAGS = [
  ['--config <file>', 'YAML configuration; flags override it'],
  ['--dns <host:port>', 'where its name server answers; may be repeated (default: 127.0.0.1:5353)'],
  ['--no-dns', 'run no name server'],
  ['--dns-advertise <host:port>', 'how others reach the name server; may be repeated'],
  ['--gateway-host <address>', 'the address that listeners of Gateways are bound to (default: 127.0.0.1)'],
  [
    '--gateway-port <port=port>',
    'where a port of Gateways is really bound, such as 443=8443; 0 lets the system choose; may be repeated',
  ],
  ['--no-gateway', 'serve no Gateways'],
  ['--peer-listen <host:port>', 'where other agents connect (default: a free port of 127.0.0.1)'],
  ['--peer-advertise <host:port>', 'how other agents reach it'],
  ['--admin <host:port>', 'plain HTTP for /healthz, /readyz and /metrics'],
  [
    '--allow-range <cidr>',
    'a range that probes and the gateway may contact although it is loopback, link-local, cloud metadata or multicast; may be repeated',
  ],
  ['--geo-database <file>', 'an .mmdb file instead of the one that comes with portolan'],
  ['--log-level <level>', 'trace, debug, info, warn, error or fatal'],
  ['--witness', 'only vote: no name server, no gateway; the third witness of two sites'],
] as const;

/** Adds every flag of the agent to a command. */
export function addAgentFlags(command: Command): Command {
  for (const [flags, description] of FLAGS) {
    if (description.includes('may be repeated')) command.option(flags, description, repeated);
    else command.option(flags, description);
  }
  return command;
}

/** The agent's arguments from what was parsed by `addAgentFlags`; what was not given is left out. */
export function agentArguments(
  options: Readonly<Record<string, unknown>>,
  dataDir: string | undefined,
): readonly string[] {
  const args = dataDir === undefined ? [] : ['--data-dir', dataDir];
  for (const [flags] of FLAGS) {
    const [flag = '', value] = flags.split(' ');
    if (flag.startsWith('--no-')) {
      if (options[camelCase(flag.slice('--no-'.length))] === false) args.push(flag);
      continue;
    }
    const given = options[camelCase(flag.slice(2))];
    if (value === undefined) {
      if (given === true) args.push(flag);
    } else if (Array.isArray(given)) {
      for (const one of given) args.push(flag, String(one));
    } else if (typeof given === 'string') args.push(flag, given);
  }
  return args;
}

function camelCase(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
