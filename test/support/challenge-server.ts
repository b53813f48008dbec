import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { freePort } from './free-port.ts';
import { pebbleProgram } from './pebble.ts';
import { type ServerProcess, startServer } from './server-process.ts';

/** pebble-challtestsrv: a name server that says what it is told, and answers challenges by HTTP. Names as in `shop.example.com`. */
export interface ChallengeServer extends ServerProcess {
  /** `127.0.0.1:port` of its name server, for pebble's `dnsServer`. */
  readonly dns: string;
  /** Of http-01, for pebble's `httpPort`. */
  readonly httpPort: number;
  setTxt(name: string, value: string): Promise<void>;
  clearTxt(name: string): Promise<void>;
  setCname(name: string, target: string): Promise<void>;
  setCaa(name: string, issue: string): Promise<void>;
  clearCaa(name: string): Promise<void>;
  setServfail(name: string): Promise<void>;
  clearServfail(name: string): Promise<void>;
  addHttp(token: string, content: string): Promise<void>;
  /** TXT, CAA and addresses that were asked for, as it remembers them. */
  dnsHistory(name: string): Promise<string>;
}

/** @param options.ipv4 what every name without an address of its own resolves to */
export async function startChallengeServer(
  options: { readonly ipv4?: string } = {},
): Promise<ChallengeServer> {
  const path = await pebbleProgram('pebble-challtestsrv');
  let [dnsPort, httpPort] = [0, 0];
  const server = await startServer(
    'pebble-challtestsrv',
    async (management) => {
      dnsPort = await freePort();
      httpPort = await freePort();
      return spawn(
        path,
        [
          ...['-management', `127.0.0.1:${management}`],
          ...['-dnsserver', `127.0.0.1:${dnsPort}`],
          ...['-http01', `127.0.0.1:${httpPort}`],
          ...['-https01', '', '-tlsalpn01', '', '-doh', ''],
          ...['-defaultIPv4', options.ipv4 ?? '127.0.0.1', '-defaultIPv6', ''],
        ],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
    },
    async (port) => (await post(port, 'dns-request-history', { host: 'nobody.example' })).status === 200,
  );
  const tell = async (verb: string, body: object): Promise<string> => {
    const answer = await post(server.port, verb, body);
    if (answer.status !== 200) throw new Error(`challtestsrv did not ${verb}: ${answer.body}`);
    return answer.body;
  };
  const host = (name: string): string => `${name}.`;
  return {
    ...server,
    dns: `127.0.0.1:${dnsPort}`,
    httpPort,
    setTxt: async (name, value) => void (await tell('set-txt', { host: host(name), value })),
    clearTxt: async (name) => void (await tell('clear-txt', { host: host(name) })),
    setCname: async (name, target) =>
      void (await tell('set-cname', { host: host(name), target: host(target) })),
    setCaa: async (name, issue) =>
      void (await tell('add-caa', { host: host(name), policies: [{ tag: 'issue', value: issue }] })),
    clearCaa: async (name) => void (await tell('clear-caa', { host: host(name) })),
    setServfail: async (name) => void (await tell('set-servfail', { host: host(name) })),
    clearServfail: async (name) => void (await tell('clear-servfail', { host: host(name) })),
    addHttp: async (token, content) => void (await tell('add-http01', { token, content })),
    dnsHistory: (name) => tell('dns-request-history', { host: host(name) }),
  };
}

function post(port: number, verb: string, body: object): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path: `/${verb}`, method: 'POST', agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    asked.on('error', reject);
    asked.end(JSON.stringify(body));
  });
}
