import type { Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { seededRandom } from '../../test/support/random.ts';
import { HOSTILE_ANSWERS } from './testing/answers.ts';
import { get, NO_SECRETS, partOf, type RawBackend, rawBackend, send, testDeps } from './testing/forwarded.ts';
import { createUpstreams, type ManagedUpstreams } from './upstreams.ts';

const open: (RawBackend | ManagedUpstreams)[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const SMALL = HOSTILE_ANSWERS.filter(({ octets, method }) => method === undefined && octets.length < 1_000);

/** Half of the answers are honest and name their request; the others are hostile, and each is cut into segments somewhere. */
function hostile(random: () => number): Parameters<typeof rawBackend>[0] {
  const answered = new WeakMap<Socket, number>();
  return (socket, received) => {
    const requests = received.split('\r\n\r\n').slice(0, -1);
    for (const request of requests.slice(answered.get(socket) ?? 0)) {
      const path = request.split(' ')[1] ?? '';
      const length = path.length;
      const honest = `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n${path}`;
      const picked = SMALL[Math.floor(random() * SMALL.length)]?.octets ?? '';
      const octets = Buffer.from(random() < 0.5 ? honest : picked, 'latin1');
      // An answer nobody asked for comes in the segment of the one before: later it could not be told from the next one.
      const at = octets.includes('evil') ? octets.length : Math.floor(random() * octets.length);
      socket.write(octets.subarray(0, at));
      setImmediate(() => {
        socket.write(octets.subarray(at));
        // What neither ends nor breaks off by itself.
        if (!octets.equals(Buffer.from(honest, 'latin1'))) setImmediate(() => socket.end());
      });
    }
    answered.set(socket, requests.length);
  };
}

test('I26 among the answers of a hostile backend every request gets its own or an error: 0 of 2,000 desynchronised', async () => {
  const backend = await rawBackend(hostile(seededRandom(26)));
  const outlier = { consecutiveFailures: 0, baseEjectionMs: 1, maxEjectedPercent: 0 };
  // Fewer connections than requests: the next request begins the moment an answer is whole.
  const limits = { maxConnections: 4, maxPendingRequests: 100 };
  const upstreams = createUpstreams(partOf([backend.port], { outlier, limits }), NO_SECRETS, testDeps());
  open.push(upstreams, backend);
  const counts = { own: 0, error: 0, hostile: 0, desynchronised: 0 };
  const one = async (id: number): Promise<void> => {
    const path = `/request-${id}`;
    const told = await send(upstreams, get(path)).over;
    if (told.error !== undefined) counts.error += 1;
    else if (told.body === path) counts.own += 1;
    // A hostile answer that is whole in itself, before what follows it.
    else if (!/request-|evil/.test(told.body)) counts.hostile += 1;
    else counts.desynchronised += 1;
  };
  for (let id = 0; id < 2_000; id += 8) await Promise.all(Array.from({ length: 8 }, (_, at) => one(id + at)));
  expect(counts.desynchronised).toBe(0);
  expect(counts.own).toBeGreaterThan(800);
  expect(counts.error).toBeGreaterThan(500);
});
