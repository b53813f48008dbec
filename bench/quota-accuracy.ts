/**
 * `npm run bench -- quota-accuracy`: how much of a limit is admitted over 1 to 100 agents together, all on a virtual clock: the real
 * ledger, spokes and tables over links of 5 to 150 ms, beside models of how peers work (they are not the peers themselves, and are named
 * so). Demand is twice the limit, spread over agents by Zipf's law. `ours` is the share that was used of what one limiter in the middle
 * would have admitted; a figure "most in a window" says how much of the limit was admitted at the worst moment: above 1 is too much.
 */

import { type Course, fixedSplit, flushing, run as play, portolan } from '../test/simulation/quota-course.ts';
import { type Figure, higherIsBetter, lowerIsBetter } from './figure.ts';

const ALGORITHMS = ['fixed-window', 'sliding-window', 'token-bucket'] as const;

function courses(): readonly Course[] {
  const all: Course[] = [];
  const common = { waits: true, shifting: false, partition: false };
  for (const agents of [1, 3, 10, 100])
    for (const [windowMs, limit] of [
      [1_000, 1_000],
      [10_000, 3_000],
      [60_000, 6_000],
    ] as const)
      for (const algorithm of ALGORITHMS) {
        const course = {
          ...common,
          agents,
          windowMs,
          limit,
          algorithm,
          lengthMs: Math.max(40_000, 3 * windowMs),
        };
        all.push(course);
        if (agents === 10) {
          all.push({ ...course, shifting: true });
          all.push({ ...course, partition: true });
        }
      }
  for (const algorithm of ALGORITHMS)
    all.push({ ...common, agents: 100, windowMs: 60_000, limit: 10, algorithm, lengthMs: 240_000 });
  return all;
}

function nameOf(course: Course): string {
  const happening = course.partition ? 'busiest cut off 10 s' : course.shifting ? 'demand moves' : 'steady';
  return `${course.algorithm} ${course.limit}/${course.windowMs / 1_000} s, ${course.agents} agents, ${happening}`;
}

export function run(): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const course of courses()) {
    const name = nameOf(course);
    const ours = play(course, portolan);
    const split = play(course, fixedSplit);
    const bench = 'quota-accuracy';
    const used = { bench, case: `${name}: used`, ours: ours.used, unit: 'of the ideal' };
    figures.push(higherIsBetter({ ...used, peerName: 'model of a fixed split', peer: split.used }));
    const worst = { bench, case: `${name}: most in a window`, ours: ours.worst, unit: 'of the limit' };
    figures.push(lowerIsBetter({ ...worst, peerName: 'goal', peer: 1 }));
    if (course.algorithm !== 'fixed-window') continue;
    const peer = play(course, flushing);
    figures.push(
      lowerIsBetter({ ...worst, peerName: 'model of a counter flushed each second', peer: peer.worst }),
    );
  }
  return Promise.resolve(figures);
}
