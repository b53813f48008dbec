import { PortolanError } from '../../src/errors/error.ts';
import type { AcmeClient } from './contract.ts';

/** `client`, with `note` told how each request ended: undefined, or what was thrown. */
export function observedClient(
  client: AcmeClient,
  note: (problem: PortolanError | undefined) => void,
): AcmeClient {
  const watched =
    <A extends readonly unknown[], R>(run: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        const result = await run(...args);
        note(undefined);
        return result;
      } catch (thrown) {
        note(PortolanError.from(thrown));
        throw thrown;
      }
    };
  return {
    directory: client.directory,
    account: client.account,
    keyAuthorization: client.keyAuthorization,
    newOrder: watched(client.newOrder),
    order: watched(client.order),
    orders: watched(client.orders),
    authorization: watched(client.authorization),
    answer: watched(client.answer),
    deactivate: watched(client.deactivate),
    finalize: watched(client.finalize),
    certificate: watched(client.certificate),
    revoke: watched(client.revoke),
    renewalInfo: watched(client.renewalInfo),
  };
}
