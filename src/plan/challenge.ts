import { CHALLENGE_TTL_SECONDS, isChallengeText, type WantedText } from '../certificates/dns-challenge.ts';
import type { Marker } from './marker.ts';
import { txtText, txtValue } from './txt-value.ts';
import type { DesiredName } from './zone-plan.ts';

/*
 * Challenges of certificates at DNS providers: TXT records that come and go by the minute. They are owned, fenced and planned as everything else,
 * but they are no part of what people publish: no change budget counts them, no generation keeps them.
 */

const RESOURCE = 'challenge/';

/** @param object namespace and name, for the marker */
export function challengeDesired({
  object,
  text,
  ttl,
}: {
  readonly object: string;
  readonly text: WantedText;
  readonly ttl: { readonly minSeconds: number; readonly maxSeconds: number };
}): DesiredName {
  return {
    name: text.name,
    resource: `${RESOURCE}${object}`,
    sets: [
      {
        name: text.name,
        type: 'TXT',
        setId: '',
        ttlSeconds: Math.min(ttl.maxSeconds, Math.max(ttl.minSeconds, CHALLENGE_TTL_SECONDS)),
        values: text.values.map(txtValue).sort(),
      },
    ],
    types: ['TXT'],
    // Two hubs may get certificates of one name; what others add beside ours is never ours to remove.
    shared: true,
  };
}

export function isChallenge(desired: Pick<DesiredName, 'resource'>): boolean {
  return desired.resource.startsWith(RESOURCE);
}

/**
 * The right that a marker gives to TXT records: those of challenges that it records one by one, and nothing else. Whoever can write a marker cannot
 * have a hub delete other texts by it.
 */
export function challengeMarker(marker: Marker): Marker | undefined {
  if (!isChallenge(marker) || marker.values === undefined) return undefined;
  const values = marker.values.filter(
    ({ type, value }) => type === 'TXT' && isChallengeText(txtText(value) ?? ''),
  );
  return { ...marker, types: ['TXT'], values };
}
