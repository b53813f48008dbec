import { PortolanError } from '../../../src/errors/error.ts';
import {
  type AccountKey,
  type ExternalAccount,
  externalAccountBinding,
  newAccountKey,
  openAccountKey,
} from './account-key.ts';
import type { AccountShelf, KeptAccount } from './account-shelf.ts';
import { type AccountAnswer, accountOf, locationOf } from './answers.ts';
import { AcmeError, type Asked } from './error.ts';
import type { AcmeAnswer } from './http.ts';
import type { AcmeSession } from './session.ts';

/** An account that can sign. */
export interface OpenAccount {
  readonly url: string;
  readonly key: AccountKey;
}

/** Our account at a CA: made when it is first needed, found again by its key, made anew when the CA does not know it any more. */
export interface Account {
  open(): Promise<OpenAccount>;
  /** The key, before the CA was asked for anything. */
  key(): Promise<AccountKey>;
  /** @returns true when the account that this refusal was about is none any more, so that another one is worth a try */
  isLost(account: OpenAccount, refusal: AcmeError): Promise<boolean>;
  /** As the CA has it now. */
  look(account: OpenAccount): Promise<AccountAnswer>;
}

/** One at a time: who asks while an account is made waits for the same one. */
export function createAccount(options: {
  readonly session: AcmeSession;
  readonly shelf: AccountShelf;
  readonly contact: string | undefined;
  readonly externalAccount: ExternalAccount | undefined;
  /** Ends everything. */
  readonly signal: AbortSignal;
}): Account {
  const { session, shelf, contact, signal } = options;
  let keeping: Promise<{ kept: KeptAccount; key: AccountKey }> | undefined;
  let opening: Promise<OpenAccount> | undefined;
  let current: OpenAccount | undefined;

  /** The key is durable before the CA sees it: an account without its key would be nobody's. */
  function keep(): Promise<{ kept: KeptAccount; key: AccountKey }> {
    keeping ??= (async () => {
      let kept = await shelf.read();
      if (kept === undefined) {
        kept = { keyPem: await newAccountKey() };
        await shelf.write(kept);
      }
      return { kept, key: await openAccountKey(kept.keyPem) };
    })().catch((thrown: unknown) => {
      keeping = undefined;
      throw thrown;
    });
    return keeping;
  }

  async function save(kept: KeptAccount, key: AccountKey): Promise<void> {
    keeping = undefined;
    await shelf.write(kept);
    keeping = Promise.resolve({ kept, key });
  }

  async function make(): Promise<OpenAccount> {
    const { kept, key } = await keep();
    if (kept.url === undefined) return register(kept, key);
    const account = { url: kept.url, key };
    if (kept.contact === contact) return account;
    try {
      await tellContact(account, kept);
      return account;
    } catch (thrown) {
      const type = thrown instanceof AcmeError ? thrown.problem.type : '';
      if (type !== 'accountDoesNotExist' && type !== 'unauthorized') throw thrown;
      await forget(type === 'unauthorized');
    }
    const anew = await keep();
    return register(anew.kept, anew.key);
  }

  async function register(kept: KeptAccount, key: AccountKey): Promise<OpenAccount> {
    const { urls, externalAccountRequired } = await session.directory(signal);
    const external = options.externalAccount;
    if (externalAccountRequired && external === undefined)
      throw new PortolanError(
        'ISSUER_REFUSED',
        `${new URL(urls.newAccount).host} takes accounts of its customers only`,
        {
          fix: 'Put the key id and HMAC key that the CA gave you into `spec.acme.externalAccountBinding` of the Issuer.',
        },
      );
    const answer = await session.post(
      {
        url: urls.newAccount,
        payload: {
          termsOfServiceAgreed: true,
          ...(contact === undefined ? {} : { contact: [`mailto:${contact}`] }),
          ...(external === undefined
            ? {}
            : { externalAccountBinding: await externalAccountBinding(external, key, urls.newAccount) }),
        },
        signer: { key },
        asked: 'account',
      },
      signal,
    );
    const account = { url: locationOf(answer, 'account'), key };
    refuseEnded(accountOf(answer), urls.newAccount);
    const made: KeptAccount = { keyPem: kept.keyPem, url: account.url };
    // 200: it was there already, with whatever contact it had (section 7.3.1).
    if (answer.status === 200 && contact !== undefined) await tellContact(account, made);
    else await save({ ...made, ...(contact === undefined ? {} : { contact }) }, key);
    return account;
  }

  async function tellContact(account: OpenAccount, { keyPem, url }: KeptAccount): Promise<void> {
    await ask(account, { contact: contact === undefined ? [] : [`mailto:${contact}`] });
    await save(
      {
        keyPem,
        ...(url === undefined ? {} : { url }),
        ...(contact === undefined ? {} : { contact }),
      },
      account.key,
    );
  }

  const ask = (
    account: OpenAccount,
    payload: object | undefined,
    asked: Asked = 'account',
  ): Promise<AcmeAnswer> =>
    session.post(
      { url: account.url, payload, signer: { key: account.key, accountUrl: account.url }, asked },
      signal,
    );

  async function look(account: OpenAccount): Promise<AccountAnswer> {
    return accountOf(await ask(account, undefined));
  }

  /** An account that was given up (section 7.3.6) has a key that the CA takes no more; one that it only does not know can be made again with it. */
  async function forget(ended: boolean): Promise<void> {
    const { kept, key } = await keep();
    if (!ended) return save({ keyPem: kept.keyPem }, key);
    const keyPem = await newAccountKey();
    await save({ keyPem }, await openAccountKey(keyPem));
  }

  let forgetting: Promise<void> | undefined;
  function forgetOnce(ended: boolean): Promise<void> {
    opening = undefined;
    current = undefined;
    forgetting ??= forget(ended).finally(() => {
      forgetting = undefined;
    });
    return forgetting;
  }

  const open = async (): Promise<OpenAccount> => {
    await forgetting;
    opening ??= make().then(
      (account) => {
        current = account;
        return account;
      },
      (thrown: unknown) => {
        opening = undefined;
        throw thrown;
      },
    );
    return opening;
  };

  return {
    open,
    key: async () => (await keep()).key,
    look,
    async isLost(account, { problem }) {
      if (current !== account) return true;
      if (problem.type === 'accountDoesNotExist') {
        await forgetOnce(false);
        return true;
      }
      if (problem.type !== 'unauthorized') return false;
      // It may be about the order as well as about the account.
      const status = await look(account).then(
        (answer) => answer.status,
        (thrown: unknown) => {
          if (thrown instanceof AcmeError && thrown.problem.type === 'unauthorized') return 'deactivated';
          throw thrown;
        },
      );
      // What the CA itself ended is not got round by another key.
      if (status !== 'deactivated') return false;
      if (current === account) await forgetOnce(true);
      return true;
    },
  };
}

function refuseEnded({ status }: AccountAnswer, url: string): void {
  if (status === 'valid') return;
  throw new PortolanError(
    'ISSUER_REFUSED',
    `${new URL(url).host} has ended the account of this Issuer (${status})`,
    {
      fix: 'Ask the CA why; with another email or directory the Issuer gets another account.',
    },
  );
}
