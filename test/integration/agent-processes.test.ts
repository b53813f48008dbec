import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askNameServer } from '../../nameserver/ask.ts';
import type { SavedStates, TargetTuple } from '../../spoke-agent/messages.ts';
import { stateFile } from '../../spoke-agent/saved-states.ts';
import { createHubStandIn, type HubStandIn } from '../../spoke-agent/testing/hub-stand-in.ts';
import { parseName } from '../../src/dns/name.ts';
import { TYPE } from '../../src/dns/types.ts';
import { quickest } from '../support/quickest.ts';

const MAIN = fileURLToPath(new URL('../../spoke-agent/main.ts', import.meta.url));
const WWW = parseName('www.example.test');

let hub: HubStandIn;
let dataDir: string;
const agents: Agent[] = [];

interface Agent {
  readonly process: ChildProcess;
  readonly startedMs: number;
  output(): string;
}

beforeEach(async () => {
  hub = await createHubStandIn();
  dataDir = await mkdtemp(join(tmpdir(), 'portolan-agent-'));
  await hub.join(dataDir);
});

async function endAll(): Promise<void> {
  for (const { process: child } of agents.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}
afterEach(async () => {
  await endAll();
  // A control process that is just ending may still write.
  await rm(dataDir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
});

const startAgent = (...flags: readonly string[]): Agent => {
  const child = spawn(
    process.execPath,
    [
      MAIN,
      '--data-dir',
      dataDir,
      '--dns',
      '127.0.0.1:0',
      '--admin',
      '127.0.0.1:0',
      '--peer-listen',
      '127.0.0.1:0',
      ...flags,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let output = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    output += bytes.toString();
  });
  const agent = { process: child, startedMs: performance.now(), output: () => output };
  agents.push(agent);
  return agent;
};

/** Waits for something to hold, with a bound; the value that made it hold comes back. */
const until = async <T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  limitMs = 90_000,
): Promise<T> => {
  const end = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) {
      throw new Error(
        `not within ${limitMs} ms: ${what}\n${agents.map((agent) => agent.output()).join('\n')}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

interface Facts {
  readonly pid: number;
  readonly controlPid?: number;
  readonly controlRestarts: number;
  readonly nameServers: readonly string[];
  readonly states: string;
  readonly snapshot: { readonly hash: string; readonly sequence: number };
}

/** Where it listens, as the agent itself writes it down. */
const listening = async () =>
  JSON.parse(await readFile(join(dataDir, 'agent.json'), 'utf8')) as {
    readonly pid: number;
    readonly admin: string;
  };

/** What the running agent says of itself; undefined while it does not answer. */
const facts = async (agent: Agent): Promise<Facts | undefined> => {
  try {
    const { pid, admin } = await listening();
    if (pid !== agent.process.pid) return undefined;
    const reply = await fetch(`http://${admin}/healthz`);
    return (await reply.json()) as Facts;
  } catch {
    return undefined;
  }
};

const running = (agent: Agent): Promise<Facts> => until('the agent runs', () => facts(agent));

/** What the agent's name server answers for www.example.test. */
const ask = async (
  server: string,
): Promise<{ readonly addresses: readonly string[]; readonly rcode: number; readonly ttl: number }> => {
  const [host = '', port] = server.split(':');
  const reply = await askNameServer({ host, port: Number(port), name: WWW, type: TYPE.A, timeoutMs: 2_000 });
  const addresses = reply.answers.map((answer) => answer.data);
  return { addresses, rcode: reply.rcode, ttl: reply.answers[0]?.ttlSeconds ?? -1 };
};

const serverOf = ({ nameServers }: Facts): string => nameServers[0] ?? '';

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('an agent without its hub', () => {
  it('I10 answers within 5 s of a cold start, from the snapshot on its disk', async () => {
    await hub.store(dataDir, hub.snapshot());
    const tookMs = await quickest(10, 5_000, async () => {
      await endAll();
      const agent = startAgent();
      const { addresses } = await until('an answer', async () => {
        const known = await facts(agent);
        return known === undefined ? undefined : await ask(serverOf(known));
      });
      const took = performance.now() - agent.startedMs;
      expect(addresses).toEqual(['192.0.2.1']);
      return took;
    });
    expect(tookMs).toBeLessThan(5_000);
  });

  it('I10 falls back to the previous snapshot when the current one is damaged', async () => {
    await hub.store(dataDir, hub.snapshot({ version: 1 }), hub.snapshot({ version: 2 }));
    const folder = join(dataDir, 'snapshots');
    const current =
      (await readdir(folder))
        .filter((name) => name.endsWith('.snap'))
        .sort()
        .at(-1) ?? '';
    const bytes = await readFile(join(folder, current));
    await writeFile(join(folder, current), bytes.subarray(0, bytes.length - 5));

    const agent = startAgent();
    const known = await running(agent);
    expect(known.snapshot.sequence).toBe(1);
    expect((await ask(serverOf(known))).addresses).toEqual(['192.0.2.1']);
    expect(agent.output()).toContain('SNAPSHOT_INVALID');
  });

  it('I10 begins with the states it last knew', async () => {
    await hub.store(dataDir, hub.snapshot());
    const tuple = (id: string, state: TargetTuple[1]): TargetTuple => [
      id,
      state,
      0,
      60_000,
      1_000,
      1,
      -1,
      Date.now(),
    ];
    const saved: SavedStates = {
      savedAtWallMs: Date.now(),
      epoch: 1,
      targets: [tuple('t-eu', 'd'), tuple('t-us', 'u')],
      drains: [],
      hubHeardAgoMs: 0,
      lastHealthy: [],
    };
    await stateFile(dataDir).write(saved);
    const known = await running(startAgent());
    expect((await ask(serverOf(known))).addresses).toEqual(['192.0.2.2']);
    // The control process goes on from them too: nobody has voted yet, so the last states stand.
    const decided = await until('the control process decides', async () => {
      const now = await facts(agents[0] as Agent);
      return now?.states === 'quorum' ? now : undefined;
    });
    expect((await ask(serverOf(decided))).addresses).toEqual(['192.0.2.2']);
  });

  it('answers REFUSED and says that it is not ready while it has no snapshot', async () => {
    const agent = startAgent();
    const known = await running(agent);
    expect((await ask(serverOf(known))).rcode).toBe(5);
    const { admin } = await listening();
    const reply = await fetch(`http://${admin}/readyz`);
    expect(reply.status).toBe(503);
    expect(await reply.text()).toContain('no snapshot is served yet');
  });

  it('answers in several threads when it is told to, from the snapshot and the states on its disk', async () => {
    await hub.store(dataDir, hub.snapshot());
    const config = join(dataDir, 'agent.yaml');
    await writeFile(config, 'dns: {workers: 3}\n');
    const saved: SavedStates = {
      savedAtWallMs: Date.now(),
      epoch: 1,
      targets: [
        ['t-eu', 'd', 0, 60_000, 1_000, 1, -1, Date.now()],
        ['t-us', 'u', 0, 60_000, 1_000, 1, -1, Date.now()],
      ],
      drains: [],
      hubHeardAgoMs: 0,
      lastHealthy: [],
    };
    await stateFile(dataDir).write(saved);
    const known = await running(startAgent('--config', config));
    for (let at = 0; at < 30; at += 1) expect((await ask(serverOf(known))).addresses).toEqual(['192.0.2.2']);
    const { admin } = await listening();
    const metrics = await (await fetch(`http://${admin}/metrics`)).text();
    expect(metrics).toContain('portolan_dns_workers 3\n');
    expect(metrics).toContain('portolan_dns_table_sequence 1\n');
    expect(metrics).toMatch(
      /portolan_dns_responses_total\{zone="example\.test\.",transport="udp",rcode="NOERROR"\} 30/,
    );
  });

  it('shows the metrics of both processes', async () => {
    await hub.store(dataDir, hub.snapshot());
    const known = await running(startAgent());
    await ask(serverOf(known));
    const { admin } = await listening();
    const text = await until('metrics of the control process', async () => {
      const body = await (await fetch(`http://${admin}/metrics`)).text();
      return body.includes('portolan_agent_control_resident_bytes') ? body : undefined;
    });
    expect(text).toMatch(
      /portolan_dns_responses_total\{zone="example\.test\.",transport="udp",rcode="NOERROR"\} [1-9]/,
    );
    expect(text).toMatch(/portolan_agent_snapshot_sequence 1\n/);
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('when one of its two processes dies', () => {
  it('answers go on while the control process is killed again and again, and it comes back', async () => {
    await hub.store(dataDir, hub.snapshot());
    const agent = startAgent();
    let known = await until('the control process', async () => {
      const now = await facts(agent);
      return now?.states === 'quorum' ? now : undefined;
    });
    for (let round = 1; round <= 2; round += 1) {
      const killed = known.controlPid ?? 0;
      process.kill(killed, 'SIGKILL');
      let answers = 0;
      known = await until('another control process', async () => {
        // Every look asks: no answer may be lost meanwhile.
        expect((await ask(serverOf(known))).addresses).toEqual(['192.0.2.1']);
        answers += 1;
        const now = await facts(agent);
        return now?.controlPid !== undefined && now.controlPid !== killed ? now : undefined;
      });
      expect(answers).toBeGreaterThan(0);
      expect(isAlive(killed)).toBe(false);
      expect(known.controlRestarts).toBe(round);
    }
  });

  it('leaves no control process behind when the data process is killed', async () => {
    await hub.store(dataDir, hub.snapshot());
    const agent = startAgent();
    const { controlPid = 0 } = await until('the control process', async () => {
      const now = await facts(agent);
      return now?.states === 'quorum' ? now : undefined;
    });
    expect(isAlive(controlPid)).toBe(true);
    agent.process.kill('SIGKILL');
    await until('the control process ends', () => (isAlive(controlPid) ? undefined : true));
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('stops both on %s and keeps its states', async (signal) => {
    await hub.store(dataDir, hub.snapshot());
    const agent = startAgent();
    const { controlPid = 0 } = await until('the control process', async () => {
      const now = await facts(agent);
      return now?.states === 'quorum' ? now : undefined;
    });
    const exited = new Promise((resolve) => agent.process.once('exit', resolve));
    agent.process.kill(signal);
    expect(await exited).toBe(0);
    expect(isAlive(controlPid)).toBe(false);
    expect((await stateFile(dataDir).read())?.targets.map(([id]) => id)).toEqual(['t-eu', 't-us']);
  });
});

describe('a start that cannot succeed', () => {
  const failure = async (agent: Agent): Promise<string> => {
    const code = await new Promise((resolve) => agent.process.once('exit', resolve));
    expect(code).toBe(1);
    return agent.output();
  };

  it('says that the agent has not joined', async () => {
    await rm(join(dataDir, 'identity'), { recursive: true });
    const text = await failure(startAgent());
    expect(text).toContain('DATA_DIR_INVALID');
    expect(text).toContain('fix: Join first');
  });

  it('names the wrong setting', async () => {
    const text = await failure(startAgent('--log-level', 'loud'));
    expect(text).toContain('CONFIG_INVALID');
    expect(text).toContain('log.level');
  });

  const second = async (...flags: readonly string[]): Promise<string> => {
    const child = spawn(process.execPath, [MAIN, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      text += bytes.toString();
    });
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(1);
    return text;
  };

  it('names the port that is taken', async () => {
    const first = await running(startAgent());
    const other = await mkdtemp(join(tmpdir(), 'portolan-agent-'));
    try {
      await hub.join(other);
      expect(await second('--data-dir', other, '--dns', serverOf(first))).toContain('PORT_IN_USE');
    } finally {
      await rm(other, { recursive: true, force: true });
    }
  });

  it('names the process that has the data directory', async () => {
    const { pid } = await running(startAgent());
    const text = await second('--data-dir', dataDir, '--dns', '127.0.0.1:0');
    expect(text).toContain('DATA_DIR_LOCKED');
    expect(text).toContain(String(pid));
  });
});
