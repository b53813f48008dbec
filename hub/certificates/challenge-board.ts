import type { CertificateRecord } from '../../src/certificates/model.ts';
import { namespaceOf } from './book.ts';
import type { ChallengePresenter, WantedChallenge } from './contract.ts';

/** All challenges that have to be visible, of orders in the book and of trials: each presenter is told the whole set whenever it changes. */
export interface ChallengeBoard {
  /** What this record wants is otherwise; undefined: nothing any more. */
  set(id: string, record: Pick<CertificateRecord, 'policy' | 'order'> | undefined): void;
  /** From now on presenters are told, the first time what there is, be it nothing: they clean up then. */
  start(): void;
}

export function createChallengeBoard(presenters: readonly ChallengePresenter[]): ChallengeBoard {
  const wanted = new Map<string, readonly WantedChallenge[]>();
  let started = false;

  function tell(): void {
    if (!started) return;
    const all = [...wanted.values()].flat();
    for (const presenter of presenters)
      presenter.want(all.filter(({ challenge }) => challenge.type === presenter.type));
  }

  return {
    set(id, record) {
      const challenges = (record?.order?.challenges ?? []).map((challenge) => ({
        namespace: record === undefined ? '' : namespaceOf(record),
        certificate: id,
        challenge,
      }));
      const before = wanted.get(id) ?? [];
      const same =
        before.length === challenges.length &&
        before.every((b, i) => b.challenge.challengeUrl === challenges[i]?.challenge.challengeUrl);
      if (same) return;
      if (challenges.length === 0) wanted.delete(id);
      else wanted.set(id, challenges);
      tell();
    },
    start() {
      started = true;
      tell();
    },
  };
}
