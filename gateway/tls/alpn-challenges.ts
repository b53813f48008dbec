import { createSecureContext, createServer, type Server } from 'node:tls';
import type { AcmeChallengeAnswers } from '../../src/policy/model.ts';
import type { ClientHello } from '../front/client-hello.ts';

/** RFC 8737 section 6.2. */
const ACME_PROTOCOL = 'acme-tls/1';

/** What is shown to a CA that asks by tls-alpn-01 whether a name is ours. */
export class AlpnChallenges {
  readonly #answers: AcmeChallengeAnswers['tlsAlpn'];
  readonly #servers = new Map<string, Server>();

  constructor(answers: AcmeChallengeAnswers['tlsAlpn']) {
    this.#answers = answers;
  }

  /** Nothing to answer: connections need not be looked into. */
  get none(): boolean {
    for (const _ in this.#answers) return false;
    return true;
  }

  /** Certificates that cannot be used, by name. */
  problems(): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const [name, { certificatePem, keyPem }] of Object.entries(this.#answers)) {
      try {
        createSecureContext({ cert: certificatePem, key: keyPem });
      } catch (thrown) {
        found.set(`tls-alpn-01 for ${name}`, thrown instanceof Error ? thrown.message : String(thrown));
      }
    }
    return found;
  }

  /** Who ends the handshake of such a question; it does not listen, and ends each connection after the handshake. Undefined: it is none. */
  serverFor(hello: ClientHello): Server | undefined {
    if (hello.type !== 'hello' || hello.onlyProtocol !== ACME_PROTOCOL) return undefined;
    const { serverName } = hello;
    if (serverName === undefined || !Object.hasOwn(this.#answers, serverName)) return undefined;
    return this.#servers.get(serverName) ?? this.#serverOf(serverName);
  }

  #serverOf(name: string): Server | undefined {
    const answer = this.#answers[name];
    if (answer === undefined) return undefined;
    try {
      const server = createServer({
        cert: answer.certificatePem,
        key: answer.keyPem,
        minVersion: 'TLSv1.2',
        ALPNProtocols: [ACME_PROTOCOL],
      });
      server.on('secureConnection', (tls) => {
        tls.on('error', () => tls.destroy());
        tls.resume();
        tls.end();
      });
      server.on('tlsClientError', (_error, tls) => tls.destroy());
      this.#servers.set(name, server);
      return server;
    } catch {
      return undefined;
    }
  }
}
