import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pythonTools } from '../../test/support/python-tools.ts';

const run = promisify(execFile);

/** octoDNS, from PyPI: a zone as a YAML file, brought to a provider by `octodns-sync`. */
export interface Octodns {
  /** Makes the zone as `names` say; the first time the apex NS set comes with it, which octoDNS calls forced. */
  sync(names: ReadonlyMap<string, readonly string[]>, force?: boolean): Promise<number>;
  /** Milliseconds of a run that does nothing but start: Python and its modules. */
  startMs(): Promise<number>;
}

const VERSIONS = ['octodns==1.22.0', 'octodns-powerdns==1.2.0', 'octodns-route53==1.3.1'];

/**
 * @param provider lines of YAML below the provider's name
 * @param nameServers of the apex, as the server has them already
 */
export async function octodns(
  folder: string,
  origin: string,
  nameServers: readonly string[],
  provider: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Octodns> {
  const bin = await pythonTools('octodns', VERSIONS);
  const zones = join(folder, 'zones');
  const config = join(folder, 'octodns.yaml');
  mkdirSync(zones, { recursive: true });
  const lines = [
    'manager: {max_workers: 1}',
    'providers:',
    '  config:',
    '    class: octodns.provider.yaml.YamlProvider',
    `    directory: ${zones}`,
    '    enforce_order: false',
    '  target:',
    ...provider.map((line) => `    ${line}`),
    'zones:',
    `  ${origin}:`,
    '    sources: [config]',
    '    targets: [target]',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const timed = async (program: string, args: readonly string[]): Promise<number> => {
    const started = performance.now();
    await run(join(bin, program), args, {
      env: { PATH: process.env.PATH, ...env },
      timeout: 600_000,
      maxBuffer: 1 << 28,
    });
    return performance.now() - started;
  };
  return {
    sync(names, force = false) {
      const sets = [...names].map(
        ([name, values]) => `${name}: {type: A, ttl: 30, values: [${values.join(', ')}]}`,
      );
      const apex = `'': {type: NS, ttl: 3600, values: [${nameServers.join(', ')}]}`;
      writeFileSync(join(zones, `${origin}yaml`), `${[apex, ...sets].join('\n')}\n`);
      return timed('octodns-sync', ['--config-file', config, '--doit', ...(force ? ['--force'] : [])]);
    },
    startMs: () => timed('octodns-sync', ['--help']),
  };
}
