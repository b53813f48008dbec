import { decimalEscapes } from '../../../providers/route53/names.ts';
import { RCODE } from '../../../src/dns/types.ts';
import type { FrontAnswer, FrontQuestion, FrontRecord } from '../dns-front.ts';
import { answersAt, type Likely, type Place, type World } from './resolve.ts';
import { type ApiSet, apiName } from './sets.ts';

/** Prefix lengths that Route 53 answers a client subnet with when the answer depends on where the client is. */
const SCOPE = { 4: 24, 6: 48 } as const;

/** What a name server of the zone with the longest origin says. */
export function frontAnswer(
  zones: readonly { readonly origin: string; readonly private: boolean; readonly sets: readonly ApiSet[] }[],
  healthy: World['healthy'],
  question: FrontQuestion,
  { place, random }: { readonly place: Place; readonly random: () => number },
): FrontAnswer {
  const name = apiName(octal(question.name));
  const zone = zones
    .filter(({ origin }) => name === origin || name.endsWith(`.${origin}`))
    .sort((a, b) => b.origin.length - a.origin.length)[0];
  if (zone === undefined) return { rcode: RCODE.REFUSED, aa: false, answers: [] };
  const world = { sets: zone.sets, healthy };
  const soa = likely(answersAt(world, zone.origin, 'SOA', place), 0);
  const authority = records(zone.origin, soa);
  const cut = delegation(name, question.type, zone);
  if (cut !== undefined)
    return { aa: false, answers: [], authority: records(cut, likely(answersAt(world, cut, 'NS', place), 0)) };
  const owner = ownerOf(name, zone);
  if (owner === undefined) return { rcode: RCODE.NXDOMAIN, answers: [], authority };
  const answer = likely(answersAt(world, owner, question.type, place), random());
  const geo = zone.sets.some((set) => set.GeoLocation !== undefined && set.Name === owner);
  return {
    answers: records(question.name, answer),
    ...(answer === undefined ? { authority } : {}),
    ...(geo ? { ecsScope: SCOPE[question.client.family] } : {}),
  };
}

/** The closest zone cut at or above the name, but below the apex. */
function delegation(
  name: string,
  type: string,
  zone: { readonly origin: string; readonly sets: readonly ApiSet[] },
): string | undefined {
  const cuts = zone.sets.filter(
    (set) =>
      set.Type === 'NS' && set.Name !== zone.origin && (name === set.Name || name.endsWith(`.${set.Name}`)),
  );
  const cut = cuts.sort((a, b) => a.Name.length - b.Name.length)[0]?.Name;
  return cut === name && type === 'DS' ? undefined : cut;
}

/** The name itself if it is there or something is below it, else the wildcard that covers it (RFC 4592). */
function ownerOf(
  name: string,
  zone: { readonly origin: string; readonly sets: readonly ApiSet[] },
): string | undefined {
  const exists = (at: string): boolean =>
    zone.sets.some((set) => set.Name === at || set.Name.endsWith(`.${at}`));
  if (exists(name)) return name;
  for (let above = name; above !== zone.origin; ) {
    above = above.slice(above.indexOf('.') + 1);
    const wildcard = `\\052.${above}`;
    if (zone.sets.some((set) => set.Name === wildcard)) return wildcard;
    if (exists(above)) return undefined;
  }
  return undefined;
}

function likely(answers: readonly Likely[], at: number): Likely | undefined {
  let sum = 0;
  return (
    answers.find(({ probability }) => {
      sum += probability;
      return at < sum;
    }) ?? answers.at(-1)
  );
}

function records(name: string, answer: Likely | undefined): readonly FrontRecord[] {
  return (answer?.values ?? []).map((value) => ({
    name: decimalEscapes(name),
    type: answer?.type ?? '',
    ttlSeconds: answer?.ttlSeconds ?? 0,
    data: decimalEscapes(value),
  }));
}

function octal(name: string): string {
  return name.replace(
    /\\(\d{3})/g,
    (_, digits: string) => `\\${Number(digits).toString(8).padStart(3, '0')}`,
  );
}
