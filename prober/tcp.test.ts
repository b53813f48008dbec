import { createServer, Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { systemProbeIo } from './probe.ts';
import { type ListeningServer, listen, probeOnce, saying, targetOf } from './testing/probing.ts';

describe('the TCP probe', () => {
  const servers: ListeningServer[] = [];
  const serve = async (server = createServer()) => {
    const listening = await listen(server);
    servers.push(listening);
    return listening;
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  it('succeeds with the handshake and leaves no connection behind', async () => {
    const server = await serve();
    const outcome = await probeOnce(targetOf({ protocol: 'tcp' }, server.port));
    expect(outcome).toMatchObject({ kind: 'ok', latencyMs: expect.any(Number) as unknown });
    await vi.waitFor(() => expect(server.connections()).toBe(0), 20_000);
  });

  it('says that the connection was refused', async () => {
    const { port, close } = await listen(createServer());
    await close();
    expect(saying(await probeOnce(targetOf({ protocol: 'tcp' }, port)))).toBe('connection refused');
  });

  it('ends a black-holed connect at the timeout and destroys the socket', async () => {
    const socket = new Socket();
    const outcome = await probeOnce(targetOf({ protocol: 'tcp', timeoutMs: 60 }, 9), {
      io: { connect: () => socket },
    });
    expect(saying(outcome)).toBe('timeout after 60 ms (no TCP answer)');
    expect(socket.destroyed).toBe(true);
  });

  it('forgets a probe whose timer came late: this process was not running', async () => {
    let nowMs = 0;
    const outcome = probeOnce(targetOf({ protocol: 'tcp', timeoutMs: 60 }, 9), {
      io: {
        connect: () => new Socket(),
        clock: () => nowMs,
        setTimer: (fn) => {
          const timer = setImmediate(() => {
            nowMs = 5_000;
            fn();
          });
          return () => clearImmediate(timer);
        },
      },
    });
    expect(saying(await outcome)).toBe('stalled');
  });

  it.each([
    ['EMFILE', 'unable: this vantage point has no file descriptors left'],
    ['EHOSTUNREACH', 'host unreachable'],
    ['ENETUNREACH', 'network unreachable'],
    ['ECONNRESET', 'connection reset'],
  ])('takes %s for %j', async (code, detail) => {
    const connect = () => {
      const socket = new Socket();
      setImmediate(() => socket.destroy(Object.assign(new Error(code), { code })));
      return socket;
    };
    expect(saying(await probeOnce(targetOf({ protocol: 'tcp' }, 9), { io: { connect } }))).toBe(detail);
  });

  it('ends at once when it is aborted', async () => {
    const socket = new Socket();
    const controller = new AbortController();
    const outcome = probeOnce(targetOf({ protocol: 'tcp' }, 9), {
      signal: controller.signal,
      io: { connect: () => socket },
    });
    controller.abort();
    expect(saying(await outcome)).toBe('unable: the probe was cancelled');
    expect(
      saying(await probeOnce(targetOf({ protocol: 'tcp' }, 9), { signal: controller.signal })),
    ).toContain('unable');
  });

  it('connects to no name, so that what was judged is what is contacted', () => {
    const socket = systemProbeIo.connect('127.0.0.1', 9);
    const lookup = vi.fn();
    socket.on('lookup', lookup);
    socket.on('error', () => undefined);
    socket.destroy();
    expect(lookup).not.toHaveBeenCalled();
  });
});
