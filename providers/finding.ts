import { messageOf } from '../src/errors/error.ts';
import { type CheckFinding, ProviderError } from './contract.ts';

/** Tries one thing that a provider needs, and says what came of it: what `attempt` resolves with, or why it failed. Never rejects. */
export type Try = (subject: string, attempt: () => Promise<string>) => Promise<CheckFinding>;

/** @param fix what to do when a failure does not say it itself */
export function tryWith(fix: string): Try {
  return async (subject, attempt) => {
    try {
      return { subject, ok: true, message: await attempt() };
    } catch (thrown) {
      return failedFinding(subject, thrown, fix);
    }
  };
}

/** That something failed, and what to do: what the failure says, else `fix`. */
export function failedFinding(subject: string, thrown: unknown, fix: string): CheckFinding {
  const own = thrown instanceof ProviderError ? thrown.fix : undefined;
  return { subject, ok: false, message: messageOf(thrown), fix: own ?? fix };
}
