import { connect, createServer } from 'node:net';

/**
 * `relay.ts HOST PORT TARGET-PORT`: connections to HOST:PORT go on to 127.0.0.1:TARGET-PORT. Without TLS the hub's API listens on
 * loopback only; this lets the measuring program reach it from another test host.
 */
const [host = '127.0.0.1', port = '0', target = '0'] = process.argv.slice(2);
createServer((socket) => {
  const onward = connect(Number(target), '127.0.0.1');
  socket.pipe(onward).pipe(socket);
  for (const [one, other] of [
    [socket, onward],
    [onward, socket],
  ] as const)
    one.on('error', () => other.destroy());
}).listen(Number(port), host, () => process.stdout.write('ready\n'));
process.stdin.resume().on('end', () => process.exit(0));
