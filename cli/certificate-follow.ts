import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateDetail, CertificateTrial, Client } from '../src/client/client.ts';
import { errorOfProblem } from '../src/client/problem.ts';
import { PortolanError } from '../src/errors/error.ts';
import type { Spinner } from './output/spinner.ts';

const POLL_MS = 500;
/** A hub that starts again is waited for. */
const PASSING = ['HUB_UNREACHABLE', 'NOT_READY', 'STORE_UNAVAILABLE', 'TIMEOUT'];
/** A next try sooner than this is waited for. */
const SOON_MS = 30_000;

export interface FollowLimits {
  readonly giveUpMs: number;
  readonly nowMs: () => number;
}

/**
 * Waits until another certificate is there than `before`, and every cluster of it has it; says each step once.
 * @throws PortolanError why the order failed, or TIMEOUT; the hub goes on either way
 */
export async function followRenewal(
  client: Pick<Client, 'describeCertificate'>,
  before: CertificateDetail,
  spinner: Spinner,
  { giveUpMs, nowMs }: FollowLimits,
): Promise<CertificateDetail> {
  const { namespace, id } = before;
  const until = nowMs() + giveUpMs;
  const failedBefore = before.failures?.lastAt;
  let told = '';
  const say = (text: string): void => {
    if (text !== told) spinner.say(text);
    told = text;
    spinner.waiting(text);
  };
  for (;;) {
    const now = await asked(() => client.describeCertificate(namespace, id));
    if (now !== undefined) {
      const isNew = now.sha256 !== undefined && now.sha256 !== before.sha256;
      const late = now.clusters.filter((c) => !c.delivered).map((c) => c.name);
      if (isNew && late.length === 0) return now;
      const { failures, order } = now;
      if (isNew) say(`issued by ${now.issuer}; not yet at ${late.join(', ')}`);
      else if (order !== undefined) say(`${order.phase} at ${order.issuer}: ${order.waitsFor}`);
      if (
        !isNew &&
        failures !== undefined &&
        failures.lastAt !== failedBefore &&
        order === undefined &&
        Date.parse(failures.nextTryAt) - nowMs() > SOON_MS
      )
        throw failure(failures.code, `${failures.message}; next try at ${failures.nextTryAt}`, failures.fix);
    }
    if (nowMs() >= until) throw overdue(`certificate ${id}`, `portolan cert describe ${id} -n ${namespace}`);
    await sleep(POLL_MS);
  }
}

/** Waits until a trial is over; says each step once. @throws PortolanError TIMEOUT, NOT_FOUND when the hub forgot it */
export async function followTrial(
  client: Pick<Client, 'certificateTrial'>,
  namespace: string,
  started: CertificateTrial,
  spinner: Spinner,
  { giveUpMs, nowMs }: FollowLimits,
): Promise<CertificateTrial> {
  const until = nowMs() + giveUpMs;
  let trial = started;
  let told = 0;
  for (;;) {
    for (const { text } of trial.steps.slice(told)) {
      spinner.say(text);
      spinner.waiting(text);
    }
    told = trial.steps.length;
    if (trial.state !== 'running') return trial;
    if (nowMs() >= until)
      throw overdue(
        `the trial of ${trial.policy}`,
        `portolan cert try ${trial.policy} --last -n ${namespace}`,
      );
    await sleep(POLL_MS);
    trial = (await asked(() => client.certificateTrial(namespace, trial.policy))) ?? trial;
  }
}

/** @returns undefined while the hub does not answer */
async function asked<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (thrown) {
    const error = PortolanError.from(thrown);
    if (PASSING.includes(error.code)) return undefined;
    throw error;
  }
}

/** What the hub tells as data, as an error. */
export function failure(code: string, message: string, fix: string | undefined): PortolanError {
  return (
    errorOfProblem({ code, detail: message, fix: fix ?? '' }) ?? new PortolanError('ISSUER_REFUSED', message)
  );
}

function overdue(what: string, look: string): PortolanError {
  return new PortolanError('TIMEOUT', `${what} is not there yet; the hub goes on without this command`, {
    fix: `Look later with \`${look}\`, or wait longer with --timeout.`,
  });
}
