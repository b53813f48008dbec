import { createServer } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { pinAddress } from './address-guard.ts';
import { systemProbeIo } from './probe.ts';
import { probeTarget } from './probe-target.ts';
import { listen, saying, targetOf } from './testing/probing.ts';

const guard = (answer: readonly string[] | Error, allowedRanges: readonly string[] = []) => ({
  allowedRanges,
  random: () => 0.6,
  resolve: vi.fn(() => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer))),
});

describe('I32 the address guard', () => {
  it('I36 refuses a forbidden address with a code, the range and the way out', async () => {
    await expect(pinAddress('169.254.169.254', guard([]))).rejects.toMatchObject({
      code: 'ADDRESS_FORBIDDEN',
      message: '169.254.169.254 lies in 169.254.0.0/16: link-local, where cloud metadata services live',
      fix: expect.stringContaining('network.allowedRanges') as unknown,
    });
    await expect(pinAddress('169.254.169.254', guard([], ['169.254.0.0/16']))).resolves.toBe(
      '169.254.169.254',
    );
  });

  it('refuses a name when any one of its addresses is forbidden', async () => {
    await expect(pinAddress('mixed.example', guard(['203.0.113.5', '127.0.0.1']))).rejects.toMatchObject({
      code: 'ADDRESS_FORBIDDEN',
      message: 'mixed.example resolves to 127.0.0.1, which lies in 127.0.0.0/8: loopback',
    });
  });

  it('draws one of several addresses, of the IPv4 ones if there are any', async () => {
    await expect(pinAddress('a.example', guard(['10.0.0.1', '10.0.0.2']))).resolves.toBe('10.0.0.2');
    await expect(pinAddress('a.example', guard(['10.0.0.1', '2001:db8::1']))).resolves.toBe('10.0.0.1');
    await expect(pinAddress('a.example', guard(['2001:db8::1', '2001:db8::2']))).resolves.toBe('2001:db8::2');
  });

  it('resolves a name once a probe and connects to what it judged: rebinding leads nowhere', async () => {
    const asked: (string | undefined)[] = [];
    const server = await listen(
      createServer((request, response) => {
        asked.push(request.headers.host);
        response.end();
      }),
    );
    const rebinding = {
      ...guard([], ['127.0.0.1/32']),
      resolve: vi.fn(() => Promise.resolve(['127.0.0.2'])),
    };
    rebinding.resolve.mockResolvedValueOnce(['127.0.0.1']);
    const connect = vi.fn(systemProbeIo.connect);
    const target = targetOf({ protocol: 'http' }, server.port, { address: 'backend.example' });
    const probe = () =>
      probeTarget(
        { target, inside: false, ca: undefined },
        { ...systemProbeIo, connect },
        rebinding,
        new AbortController().signal,
      );
    expect(saying(await probe())).toBe('ok');
    expect(rebinding.resolve).toHaveBeenCalledTimes(1);
    expect(connect.mock.calls).toEqual([['127.0.0.1', server.port]]);
    expect(asked).toEqual(['api.example.com']);
    expect(saying(await probe())).toMatch(
      /^unable: ADDRESS_FORBIDDEN: backend.example resolves to 127.0.0.2/,
    );
    expect(connect).toHaveBeenCalledTimes(1);
    await server.close();
  });

  it('judges the internal address of the own cluster as well', async () => {
    const connect = vi.fn(systemProbeIo.connect);
    const target = targetOf({ protocol: 'tcp' }, 80, {
      address: '203.0.113.5',
      internal: { address: '127.0.0.1', port: 8080 },
    });
    const outcome = await probeTarget(
      { target, inside: true, ca: undefined },
      { ...systemProbeIo, connect },
      guard([]),
      new AbortController().signal,
    );
    expect(saying(outcome)).toBe('unable: ADDRESS_FORBIDDEN: 127.0.0.1 lies in 127.0.0.0/8: loopback');
    expect(connect).not.toHaveBeenCalled();
  });

  it.each([
    [Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' }), 'gone.example does not exist'],
    [
      Object.assign(new Error('queryA ESERVFAIL'), { code: 'ESERVFAIL' }),
      'gone.example cannot be resolved (SERVFAIL)',
    ],
    [
      Object.assign(new Error('queryA ETIMEOUT'), { code: 'ETIMEOUT' }),
      'unable: gone.example cannot be resolved: queryA ETIMEOUT',
    ],
    [[], 'gone.example has no address'],
  ])(
    'takes an answer about the name for a failure, and a silent resolver for our own trouble: %s',
    async (answer, detail) => {
      const target = targetOf({ protocol: 'tcp' }, 80, { address: 'gone.example' });
      const outcome = await probeTarget(
        { target, inside: false, ca: undefined },
        systemProbeIo,
        guard(answer),
        new AbortController().signal,
      );
      expect(saying(outcome)).toBe(detail);
    },
  );

  it('ends at the timeout when the resolver never answers', async () => {
    const target = targetOf({ protocol: 'tcp', timeoutMs: 60 }, 80, { address: 'slow.example' });
    const outcome = await probeTarget(
      { target, inside: false, ca: undefined },
      systemProbeIo,
      { ...guard([]), resolve: () => new Promise(() => undefined) },
      new AbortController().signal,
    );
    expect(saying(outcome)).toBe(
      'unable: timeout after 60 ms (the resolver did not answer for slow.example)',
    );
  });
});
