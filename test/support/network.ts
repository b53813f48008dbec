import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A test host: a network namespace with one interface on the test's own bridge. */
export interface Host {
  readonly name: string;
  readonly address: string;
  /** Starts a program there. */
  start(command: readonly [string, ...string[]], env?: Readonly<Record<string, string>>): ChildProcess;
  /** Runs a program there to its end; stdout. Rejects with its stderr when it fails. */
  run(command: readonly [string, ...string[]], env?: Readonly<Record<string, string>>): Promise<string>;
}

/** Several hosts on one machine, made of network namespaces; nothing of it reaches another network. Needs root. */
export interface Network {
  host(name: string): Host;
  /** Datagrams and segments between the two vanish silently, in both directions, as when a cable is cut. */
  cut(a: string, b: string): Promise<void>;
  heal(a: string, b: string): Promise<void>;
  remove(): Promise<void>;
}

/** Nobody has this address: what is sent to it is dropped by the bridge. */
const NOWHERE = '02:00:00:00:de:ad';
const DEVICE = 'eth0';

/** Makes `names.length` hosts 10.77.0.1, .2, … @param tag keeps the namespaces of tests apart. */
export async function createNetwork(tag: string, names: readonly string[]): Promise<Network> {
  const space = (name: string): string => `ptl-${tag}-${name}`;
  const ip = (...args: readonly string[]): Promise<unknown> => run('ip', [...args]);
  const core = space('core');
  const hosts = new Map<string, Host>();
  await remove();
  await ip('netns', 'add', core);
  await ip('-n', core, 'link', 'add', 'br0', 'type', 'bridge');
  await ip('-n', core, 'link', 'set', 'br0', 'up');
  for (const [index, name] of names.entries()) {
    const address = `10.77.0.${index + 1}`;
    const namespace = space(name);
    await ip('netns', 'add', namespace);
    await ip(
      '-n',
      core,
      'link',
      'add',
      `p${index}`,
      'type',
      'veth',
      'peer',
      'name',
      DEVICE,
      'netns',
      namespace,
    );
    await ip('-n', core, 'link', 'set', `p${index}`, 'master', 'br0', 'up');
    await ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', DEVICE);
    await ip('-n', namespace, 'link', 'set', 'lo', 'up');
    await ip('-n', namespace, 'link', 'set', DEVICE, 'up');
    hosts.set(name, hostIn(namespace, name, address));
  }

  async function remove(): Promise<void> {
    for (const name of [...names, 'core']) await ip('netns', 'del', space(name)).catch(() => undefined);
  }

  function host(name: string): Host {
    const found = hosts.get(name);
    if (found === undefined) throw new Error(`there is no test host "${name}"`);
    return found;
  }

  const both = async (
    a: string,
    b: string,
    act: (from: string, to: string) => Promise<unknown>,
  ): Promise<void> => {
    await act(space(a), host(b).address);
    await act(space(b), host(a).address);
  };

  return {
    host,
    cut: (a, b) =>
      both(a, b, (from, to) =>
        ip('-n', from, 'neigh', 'replace', to, 'lladdr', NOWHERE, 'dev', DEVICE, 'nud', 'permanent'),
      ),
    heal: (a, b) => both(a, b, (from, to) => ip('-n', from, 'neigh', 'del', to, 'dev', DEVICE)),
    remove,
  };
}

function hostIn(namespace: string, name: string, address: string): Host {
  const inside = (command: readonly [string, ...string[]]): string[] => [
    'netns',
    'exec',
    namespace,
    ...command,
  ];
  return {
    name,
    address,
    start: (command, env = {}) =>
      spawn('ip', inside(command), { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] }),
    async run(command, env = {}) {
      const { stdout } = await run('ip', inside(command), {
        env: { ...process.env, ...env },
        timeout: 60_000,
      });
      return stdout;
    },
  };
}
