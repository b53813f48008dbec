import type { Socket } from 'node:net';

/**
 * Reads the first octets of a connection until `examine` has seen enough, then puts back what is not consumed. Nothing else may read
 * the socket meanwhile. A connection that takes longer than `timeoutMs`, or ends, is closed and never examined again.
 * @param examine octets to take off the front, or undefined for more
 */
export function readOpening(
  socket: Socket,
  timeoutMs: number,
  after: (delayMs: number, task: () => void) => () => void,
  examine: (octets: Buffer) => number | undefined,
  done: () => void,
): void {
  let octets: Buffer | undefined;
  const finish = (): void => {
    cancel();
    socket.off('data', onData);
    socket.off('end', refuse);
    socket.off('close', finish);
  };
  const refuse = (): void => {
    finish();
    socket.destroy();
  };
  const onData = (chunk: Buffer): void => {
    octets = octets === undefined ? chunk : Buffer.concat([octets, chunk]);
    const taken = examine(octets);
    if (taken === undefined) return;
    finish();
    if (socket.destroyed) return;
    socket.pause();
    if (taken < octets.length) socket.unshift(octets.subarray(taken));
    done();
  };
  const cancel = after(timeoutMs, refuse);
  socket.on('data', onData);
  socket.on('end', refuse);
  socket.on('close', finish);
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** Whether a plain connection begins with the preface of HTTP/2 (RFC 9113 §3.4); undefined: too early to say. */
export function speaksHttp2(octets: Buffer): boolean | undefined {
  const length = Math.min(octets.length, PREFACE.length);
  if (octets.compare(PREFACE, 0, length, 0, length) !== 0) return false;
  return length === PREFACE.length ? true : undefined;
}
