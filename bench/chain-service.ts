import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createPortolan, type Portolan, protect } from '../plugin/index.ts';
import { CALLS, hostOf, keyOf, SERVICES, type ServiceName, type ServicesOrder } from './chain-plan.ts';

/*
 * One of the four services of `npm run bench -- chain`, as its pod would run it: a process of its own. Arguments: its name, folder with the
 * agent's socket.
 */

const [own = '', folder = ''] = process.argv.slice(2);
const name = SERVICES.find((service) => service === own);
if (name === undefined) throw new Error(`"${own}" is none of the services ${SERVICES.join()}`);
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
let order: ServicesOrder | undefined;
let portolan: Portolan | undefined;

function get(port: number, path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, headers, agent }, (reply) => {
      reply.resume();
      reply.on('end', () => resolve(reply.statusCode ?? 0));
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** The service's own work: it calls those it needs, with the key of its caller, one after the other. */
async function work(name: ServiceName, path: string, key: string, reply: ServerResponse): Promise<void> {
  for (const next of CALLS[name]) {
    if (order === undefined) break;
    const port = order.arm === 'at the gateway' ? order.gatewayPort : order.ports[next];
    const status = await get(port, path, { host: hostOf(next), 'x-api-key': key });
    if (status !== 200) {
      reply.writeHead(502).end();
      return;
    }
  }
  reply.writeHead(200, { 'content-length': '64' }).end('x'.repeat(64));
}

async function handle(name: ServiceName, message: IncomingMessage, reply: ServerResponse): Promise<void> {
  const path = message.url ?? '/';
  const principal = message.headers['x-principal'];
  // The gateway takes the key away and says who calls; the service calls on with the key it has of that client.
  const key =
    order?.arm === 'at the gateway' && typeof principal === 'string'
      ? keyOf(Number(principal.slice('client-'.length)))
      : String(message.headers['x-api-key'] ?? '');
  if (order?.arm === 'in process' && portolan !== undefined) {
    // The plug-in takes the key away from the handler; calling on with it is this service's own wish.
    protect(portolan, () => void work(name, path, key, reply))(message, reply as never);
    return;
  }
  if (order?.arm === 'blocking call') {
    const status = await get(order.deskPort, '/authorize', {
      'x-forwarded-method': message.method ?? 'GET',
      'x-forwarded-uri': path,
      'x-forwarded-host': hostOf(name),
      'x-forwarded-proto': 'http',
      'x-api-key': key,
    });
    if (status !== 200) {
      reply.writeHead(status).end();
      return;
    }
  }
  await work(name, path, key, reply);
}

const server = createServer((message, reply) => {
  handle(name, message, reply).catch(() => reply.destroy());
});
server.keepAliveTimeout = 60_000;
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
process.on('message', (next: ServicesOrder) => {
  const apply = async (): Promise<void> => {
    if (next.arm === 'in process' && portolan === undefined) {
      portolan = createPortolan({ agent: `unix:${join(folder, 'plugin.sock')}` });
      await portolan.ready();
    }
    order = next;
    process.send?.({ ready: next.arm });
  };
  void apply();
});
process.send?.({ port: (server.address() as AddressInfo).port });
