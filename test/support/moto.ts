import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { pythonTools } from './python-tools.ts';
import { type ServerState, skipped } from './servers.ts';
import { until } from './until.ts';

/** moto: a widely used fake of AWS in Python. It forgives much that AWS does not, but it is not ours. */
const REQUIREMENTS = ['moto==5.2.5', 'flask==3.1.3', 'flask-cors==6.0.5'] as const;

/** Whether moto can run here: with Python and PyPI its virtual environment is made once and kept. */
export async function requireMoto(suite: string): Promise<ServerState> {
  try {
    return { available: true, path: join(await pythonTools('moto', REQUIREMENTS), 'moto_server') };
  } catch (error) {
    const reason = `moto could not be installed: ${error instanceof Error ? (error.message.trim().split('\n').at(-1) ?? '') : String(error)}`;
    return skipped(suite, reason, 'sudo apt-get install -y python3-venv (and let pip reach PyPI)');
  }
}

export interface Moto {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  close(): Promise<void>;
}

/** @param program as `requireMoto` found it */
export async function startMoto(program: string): Promise<Moto> {
  const port = await freePort();
  const child = spawn(program, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await until('moto answers', async () => (await fetch(`${endpoint}/moto-api/`)).ok, 60_000);
  } catch (error) {
    await end(child);
    throw error;
  }
  return {
    endpoint,
    accessKeyId: 'AKIAMOTOMOTOMOTOMOTO',
    secretAccessKey: 'moto takes any',
    close: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
