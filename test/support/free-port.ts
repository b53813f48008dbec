import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const LOWEST = 15_000;
/** The system gives ports from here on to who asks for any one, and to outgoing connections. */
const SYSTEMS_OWN = systemsOwn();
const given = new Set<number>();

/**
 * A port that is free now for both UDP and TCP, and another one each time. It is none that the system gives away, so that between now and its use only
 * somebody who names it can take it.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const tcp = createServer().listen(wanted(), '127.0.0.1');
    const listens = await once(tcp, 'listening').then(
      () => true,
      () => false,
    );
    if (!listens) continue;
    const address = tcp.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const udp = createSocket('udp4');
    const free = await new Promise<boolean>((resolve) => {
      udp.once('error', () => resolve(false));
      udp.bind(port, '127.0.0.1', () => resolve(true));
    });
    udp.close();
    await new Promise((resolve) => tcp.close(resolve));
    if (!free || given.has(port)) continue;
    given.add(port);
    return port;
  }
}

/** 0, which is any, where the system leaves no room. */
function wanted(): number {
  const room = SYSTEMS_OWN - LOWEST;
  return room < 1_000 ? 0 : LOWEST + Math.floor(Math.random() * room);
}

function systemsOwn(): number {
  try {
    return Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10);
  } catch {
    return 0;
  }
}
