import type { AnswerDiff } from '../../src/client/client.ts';

type Change = AnswerDiff['changes'][number];

/** `DE, FR  www.shop.example: frankfurt 70 → 100 %, paris 30 → 0 %`, a line for the places and names that change alike. */
export function answerDiffLines(diff: AnswerDiff): readonly string[] {
  const { compared, changes } = diff;
  if (changes.length === 0) {
    if (compared.hostnames === 0) return [];
    const scope = `${counted(compared.hostnames, 'hostname')} in ${counted(compared.places, 'place')} compared`;
    return [`answers: no change (${scope})`];
  }
  const groups = new Map<
    string,
    { readonly places: string; readonly shares: string; readonly names: string[] }
  >();
  for (const change of changes) {
    const group = { places: placesText(change.places), shares: sharesText(change), names: [] };
    const id = JSON.stringify([change.places, group.shares]);
    const known = groups.get(id) ?? group;
    known.names.push(withoutDot(change.hostname));
    groups.set(id, known);
  }
  const width = Math.max(...[...groups.values()].map((g) => g.places.length));
  return [
    'answers:',
    ...[...groups.values()].map((g) => `  ${g.places.padEnd(width)}  ${g.names.join(', ')}: ${g.shares}`),
  ];
}

function placesText(places: readonly string[]): string {
  const shown = 12;
  return places.length <= shown
    ? places.join(', ')
    : `${places.slice(0, shown).join(', ')} and ${places.length - shown} more`;
}

function sharesText({ before, after }: Change): string {
  if (after.length === 0) return `${list(before)} → no answer`;
  if (before.length === 0) return `no answer → ${list(after)}`;
  const names = [...new Set([...after, ...before].map((s) => s.endpoint))];
  const percent = (side: Change['before'], name: string): number =>
    side.filter((s) => s.endpoint === name).reduce((sum, s) => sum + s.percent, 0);
  return names
    .map((name) => ({ name, from: round(percent(before, name)), to: round(percent(after, name)) }))
    .filter(({ from, to }) => from !== to)
    .map(({ name, from, to }) => `${name} ${from} → ${to} %`)
    .join(', ');
}

function list(shares: Change['before']): string {
  return shares.map((s) => `${s.endpoint} ${round(s.percent)} %`).join(', ');
}

function round(percent: number): number {
  return Math.round(percent * 10) / 10;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function withoutDot(name: string): string {
  return name.length > 1 && name.endsWith('.') ? name.slice(0, -1) : name;
}
