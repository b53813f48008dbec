import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { BootReading, ClockMark, ClockReading } from '../../src/quota/hub-clock.ts';

/** The machine's clocks now. Linux tells since when the machine runs; elsewhere every restart of the hub breaks the clock. */
export function readMachineClocks(wallMs: () => number): ClockReading {
  const boot = readBoot();
  // Of the system, not of this process: it goes on over a restart.
  const monotonicMs = Number(process.hrtime.bigint()) / 1e6;
  return { wallMs: wallMs(), monotonicMs, ...(boot === undefined ? {} : { boot }) };
}

let bootId: string | undefined;

/** proc(5): `/proc/uptime` counts suspended time too. */
function readBoot(): BootReading | undefined {
  try {
    bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    const seconds = Number(readFileSync('/proc/uptime', 'latin1').split(' ', 1)[0]);
    return bootId === '' || !(seconds > 0) ? undefined : { id: bootId, ms: seconds * 1000 };
  } catch {
    return undefined;
  }
}

const markText = z.object({
  hubMs: z.number(),
  monotonicMs: z.number(),
  boot: z.object({ id: z.string(), ms: z.number() }).exactOptional(),
});

export function writeMark(mark: ClockMark): string {
  return JSON.stringify(mark);
}

/** What cannot be read is no mark: the clock is then taken to have been broken. */
export function readMark(text: string | undefined): ClockMark | undefined {
  if (text === undefined) return undefined;
  try {
    return markText.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
