import { PortolanError } from '../errors/error.ts';
import { compareFences, type Fence } from './publication.ts';

/**
 * What a batch writes into the zone beside its changes, and the next one must find there: who wrote last, and what. A provider that checks
 * preconditions refuses a batch whose writer has not seen the last one (I2).
 */
export interface FenceStamp extends Fence {
  /** Counts the batches of one generation from 0. */
  readonly step: number;
  /** First 16 hex digits of the hash of the plan. */
  readonly plan: string;
}

/** `epoch.generation.step.plan`, as the TXT record at the fence's name has it. */
export function formatStamp(stamp: FenceStamp): string {
  return `${stamp.epoch}.${stamp.generation}.${stamp.step}.${stamp.plan}`;
}

/** @throws PortolanError DNS_RECORD_INVALID */
export function parseStamp(text: string): FenceStamp {
  const match = /^(\d{1,15})\.(\d{1,15})\.(\d{1,9})\.([0-9a-f]{16})$/.exec(text);
  if (match === null) {
    throw new PortolanError(
      'DNS_RECORD_INVALID',
      `${JSON.stringify(text)} is not a fence (epoch.generation.step.plan)`,
    );
  }
  const [, epoch, generation, step, plan = ''] = match;
  return { epoch: Number(epoch), generation: Number(generation), step: Number(step), plan };
}

/** Negative when `a` is older than `b`. */
export function compareStamps(a: FenceStamp, b: FenceStamp): number {
  return compareFences(a, b) || a.step - b.step;
}
