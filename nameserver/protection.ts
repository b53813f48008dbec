import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { NetworkReader } from '../src/dns/client-network.ts';
import {
  COOKIE_SECRET_OCTETS,
  CookieJar,
  type CookieSecrets,
  parseCookieSecrets,
} from '../src/dns/cookies.ts';
import { RateLimiter } from '../src/dns/rate-limit.ts';
import { sipKey } from '../src/dns/siphash.ts';
import { messageOf, PortolanError } from '../src/errors/error.ts';
import type { CookieSettings, RateLimitSettings } from './settings.ts';

/**
 * What the threads of one name server have in common against abuse. Made once in a process and handed to each thread, which
 * it can cross (structured clone; the accounts are shared memory).
 */
export interface SharedProtection {
  /** The accounts of response rate limiting; `undefined` when it is off. */
  readonly accounts: SharedArrayBuffer | undefined;
  readonly seed: number;
  /** Makes cookies where no file has a secret. */
  readonly cookieSecret: Uint8Array;
}

export function createSharedProtection(rateLimit: RateLimitSettings): SharedProtection {
  return {
    accounts:
      rateLimit.mode === 'off'
        ? undefined
        : new SharedArrayBuffer(RateLimiter.octetsFor(rateLimit.tableEntries)),
    seed: randomInt(0x1_0000_0000),
    cookieSecret: randomBytes(COOKIE_SECRET_OCTETS),
  };
}

/** One thread's hold on them. */
export interface Protection {
  /** `undefined`: cookies are off. */
  readonly cookies: CookieJar | undefined;
  /** `undefined`: rate limiting is off. */
  readonly limiter: RateLimiter | undefined;
  readonly networks: NetworkReader;
  /** Reads the file of cookie secrets again. @throws PortolanError COOKIE_SECRET_INVALID, and the secrets stay as they are */
  readonly reload: () => void;
}

/**
 * @param wallMs milliseconds since 1970: the age of cookies is told by it
 * @throws PortolanError COOKIE_SECRET_INVALID when the file of secrets cannot be used
 */
export function createProtection(
  cookies: CookieSettings,
  rateLimit: RateLimitSettings,
  shared: SharedProtection,
  wallMs: () => number,
): Protection {
  const { secretFile } = cookies;
  const secrets = (): CookieSecrets =>
    secretFile === undefined
      ? { current: sipKey(shared.cookieSecret), others: [] }
      : readCookieSecrets(secretFile);
  const jar = cookies.enabled ? new CookieJar(secrets(), () => wallMs() / 1000) : undefined;
  return {
    cookies: jar,
    limiter:
      shared.accounts === undefined
        ? undefined
        : new RateLimiter(
            shared.accounts,
            {
              perSecond: {
                total: rateLimit.totalPerSecond,
                answer: rateLimit.answersPerSecond,
                negative: rateLimit.negativePerSecond,
                referral: rateLimit.referralsPerSecond,
                error: rateLimit.errorsPerSecond,
                any: rateLimit.anyPerSecond,
              },
              windowSeconds: rateLimit.windowSeconds,
              slip: rateLimit.slip,
            },
            shared.seed,
            sharedClock(),
          ),
    networks: new NetworkReader(rateLimit),
    reload: () => jar?.change(secrets()),
  };
}

/** Milliseconds on the machine's monotonic clock: `performance.now()` begins anew in each thread. */
function sharedClock(): () => number {
  const offset = Number(process.hrtime.bigint() / 1000n) / 1000 - performance.now();
  return () => performance.now() + offset;
}

function readCookieSecrets(path: string): CookieSecrets {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PortolanError(
      'COOKIE_SECRET_INVALID',
      `the cookie secret cannot be read: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
  const secrets = parseCookieSecrets(text);
  if (secrets === undefined) {
    // Its content stays out of the message.
    throw new PortolanError('COOKIE_SECRET_INVALID', `${path} holds no cookie secret`);
  }
  return secrets;
}
