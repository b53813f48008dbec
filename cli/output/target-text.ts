import type { HubStatus } from '../../src/client/client.ts';
import { ageText, millisecondsText } from './duration.ts';
import { table } from './table.ts';

type Target = HubStatus['targets'][number];

/** `http://127.0.1.1:8080`. */
export function targetAddress({ protocol, address, port }: Target): string {
  return `${protocol}://${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/** A target with its explanation: who saw what, when. */
export function targetLines(target: Target, agents: HubStatus['agents'], nowMs: number): readonly string[] {
  const vantage = (id: string): string => {
    const agent = agents.find((a) => id === `agent/${a.uid}`);
    if (agent !== undefined) return `agent of ${agent.cluster}`;
    return id.startsWith('hub/') ? 'hub' : id;
  };
  const state = target.degraded
    ? `${target.state} (degraded: fewer than two failure domains see it)`
    : target.state;
  return [
    `${targetAddress(target)} on ${target.cluster}: ${state} for ${ageText(target.since, nowMs)}; ${target.reason}`,
    ...table(
      ['SEEN FROM', 'FAILURE DOMAIN', 'SAYS', 'COUNTED', 'AGO', 'WHAT'],
      target.votes.map((vote) => [
        vantage(vote.vantage),
        vote.failureDomain,
        vote.verdict === 'none' ? 'nothing yet' : vote.verdict,
        vote.counted ? 'yes' : 'no',
        millisecondsText(vote.ageMs),
        vote.injected ? `${vote.detail} (injected)` : vote.detail,
      ]),
    ).map((line) => `  ${line}`),
  ];
}
