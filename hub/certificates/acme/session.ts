import { FlattenedSign } from 'jose';
import type { AccountKey } from './account-key.ts';
import { type Directory, directoryOf, nonceOf, notAsHasIt, problemOf } from './answers.ts';
import type { AcmeNoAnswer } from './error.ts';
import { type Asked, acmeError } from './error.ts';
import type { AcmeAnswer, AcmeHttp } from './http.ts';
import { createNonces } from './nonces.ts';

/** Who signs: an account by its URL, or a key that has none yet (RFC 8555 section 6.2). */
export interface Signer {
  readonly key: AccountKey;
  readonly accountUrl?: string;
}

/** Signed requests to one CA. */
export interface AcmeSession {
  /** As it is; asked for again after an hour. */
  directory(signal: AbortSignal): Promise<Directory>;
  /** Not signed. @throws AcmeError, AcmeNoAnswer */
  get(url: string, asked: Asked, signal: AbortSignal): Promise<AcmeAnswer>;
  /**
   * @param payload undefined: POST-as-GET
   * @throws AcmeError the CA did not do it
   * @throws AcmeNoAnswer it may have
   */
  post(request: SignedRequest, signal: AbortSignal): Promise<AcmeAnswer>;
}

export interface SignedRequest {
  readonly url: string;
  readonly payload: object | undefined;
  readonly signer: Signer;
  readonly asked: Asked;
  readonly accept?: string;
}

const DIRECTORY_FRESH_MS = 3_600_000;
/** With half of all nonces rejected, one request in four thousand fails. */
const MAX_NONCES = 12;

export function createAcmeSession(options: {
  readonly directoryUrl: string;
  readonly http: AcmeHttp;
  readonly nowMs: () => number;
}): AcmeSession {
  const { directoryUrl, http, nowMs } = options;
  const { host } = new URL(directoryUrl);
  const nonces = createNonces(nowMs);
  let known: { readonly directory: Directory; readonly atMs: number } | undefined;

  async function directory(signal: AbortSignal): Promise<Directory> {
    const ageMs = nowMs() - (known?.atMs ?? 0);
    if (known !== undefined && ageMs >= 0 && ageMs < DIRECTORY_FRESH_MS) return known.directory;
    const read = directoryOf(await get(directoryUrl, 'directory', signal));
    known = { directory: read, atMs: nowMs() };
    return read;
  }

  function failure(answer: AcmeAnswer, asked: Asked): Error {
    const problem = problemOf(answer, nowMs());
    if (problem === undefined) return withoutProblem(answer);
    const caaIdentities = known?.directory.caaIdentities;
    return acmeError(problem, { host, asked, ...(caaIdentities === undefined ? {} : { caaIdentities }) });
  }

  async function get(url: string, asked: Asked, signal: AbortSignal): Promise<AcmeAnswer> {
    const answer = await http.send({ method: 'GET', url }, signal);
    if (answer.status === 200) return answer;
    throw failure(answer, asked);
  }

  async function newNonce(signal: AbortSignal): Promise<string> {
    const { urls } = await directory(signal);
    const answer = await http.send({ method: 'HEAD', url: urls.newNonce }, signal);
    const nonce = nonceOf(answer);
    if (nonce === undefined) throw notAsHasIt(answer, 'nonce', 'it has no Replay-Nonce');
    return nonce;
  }

  return {
    directory,
    get,
    async post({ url, payload, signer, asked, accept }, signal) {
      let nonce = nonces.take() ?? (await newNonce(signal));
      for (let tried = 1; ; tried += 1) {
        const body = await signed(url, payload, signer, nonce);
        const answer = await http.send(
          { method: 'POST', url, body, ...(accept === undefined ? {} : { accept }) },
          signal,
        );
        const next = nonceOf(answer);
        if (answer.status >= 200 && answer.status < 300) {
          nonces.give(next);
          return answer;
        }
        // The only answer that is followed by another try: the CA did not even look at the request (section 6.5).
        if (tried < MAX_NONCES && problemOf(answer, nowMs())?.type === 'badNonce') {
          nonce = next ?? (await newNonce(signal));
          continue;
        }
        nonces.give(next);
        throw failure(answer, asked);
      }
    },
  };
}

function withoutProblem(answer: AcmeAnswer): AcmeNoAnswer {
  return notAsHasIt(answer, 'answer', 'it does not say what is wrong');
}

async function signed(
  url: string,
  payload: object | undefined,
  { key, accountUrl }: Signer,
  nonce: string,
): Promise<string> {
  const octets = payload === undefined ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(payload));
  const jws = await new FlattenedSign(octets)
    .setProtectedHeader({
      alg: 'ES256',
      nonce,
      url,
      ...(accountUrl === undefined ? { jwk: key.publicJwk } : { kid: accountUrl }),
    })
    .sign(key.privateKey);
  return JSON.stringify(jws);
}
