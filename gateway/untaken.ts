import type { GatewayCore } from './core.ts';
import type { Exchange } from './exchange.ts';

/**
 * Octets of answers that one gateway thread holds because their clients do not take them. One answer holds up to two segments (128 KiB) before
 * its backend is told to wait; a client of HTTP/2 that grants no window can have as many answers as it has streams.
 */
export const MAX_UNTAKEN_OCTETS = 64 * 1024 * 1024;
/** How long an answer may rest when others need what it holds: memory, or a connection to the backend. */
const HURRIED_MS = 10_000;
/** The same for answers of a connection that holds more than this: eight of them and more. */
const GREEDY_OCTETS = 1024 * 1024;
const GREEDY_MS = 2_000;

/** Ends answers until there is room again: always one of the connection that holds the most, so that who takes its answers keeps them. */
export function makeRoom(core: GatewayCore): void {
  while (core.untaken > core.maxUntaken) {
    let worst: Exchange | undefined;
    core.stalled.each((exchange) => {
      if (exchange.untaken === 0) return;
      if (worst === undefined || exchange.connection.untaken > worst.connection.untaken) worst = exchange;
    });
    if (worst === undefined) return;
    worst.taken();
    worst.abandon();
  }
}

/** How long this answer may rest, milliseconds. @param idleMs while nobody else needs what it holds */
export function patienceWith({ core, connection, forwarding, untaken }: Exchange, idleMs: number): number {
  const wanted = untaken > 0 && (core.untaken > core.maxUntaken / 2 || forwarding?.contended === true);
  if (!wanted) return idleMs;
  return Math.min(idleMs, connection.untaken > GREEDY_OCTETS ? GREEDY_MS : HURRIED_MS);
}
