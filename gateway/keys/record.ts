import type { KeyEntry } from '../../src/protocol/credential-entry.ts';
import { BLOCK_BYTES } from './layout.ts';

/*
 * A record: expiry and place of the profile (u32 each), then id (u8 length), principal and the rest as JSON (u16 lengths). What many
 * keys have in common (namespace, roles, plan) is a profile, kept once.
 */

const HEAD = 8;
const ROOM = HEAD + 1 + 2 + 2;

/** The most a record's texts may take together, in octets. */
export const MAX_RECORD_TEXT = 16 * 1024;

export interface Profile {
  readonly namespace: string;
  readonly roles: readonly string[];
  readonly plan: string;
}

/** What is particular to one key. */
export interface OwnPart {
  readonly expiresAtSeconds: number;
  readonly profileRef: number;
  readonly id: string;
  readonly principal: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly attributes: Readonly<Record<string, string>>;
}

const NONE: Readonly<Record<string, string>> = Object.freeze({});

export function profileText({ namespace, roles, plan }: KeyEntry): string {
  return JSON.stringify([namespace, roles, plan]);
}

export function profileOf(text: string): Profile {
  // Written by `profileText` in this process, or read from a file whose digest was checked.
  const [namespace, roles, plan] = JSON.parse(text) as [string, string[], string];
  return { namespace, roles, plan };
}

/** Octets of the record, rounded up to whole blocks, as `encodeRecord` will write it into `target`. */
export function encodeRecord(target: Buffer, entry: KeyEntry, profileRef: number): number {
  target.writeUInt32LE(entry.expiresAtSeconds >>> 0, 0);
  target.writeUInt32LE(profileRef, 4);
  const idLength = target.write(entry.id, HEAD + 1, 'latin1');
  target.writeUInt8(idLength, HEAD);
  let at = HEAD + 1 + idLength;
  const principalLength = target.write(entry.principal, at + 2, 'utf8');
  target.writeUInt16LE(principalLength, at);
  at += 2 + principalLength;
  const rest = restText(entry);
  const restLength = rest === '' ? 0 : target.write(rest, at + 2, 'utf8');
  target.writeUInt16LE(restLength, at);
  const end = at + 2 + restLength;
  const size = rounded(end);
  target.fill(0, end, size);
  return size;
}

/** Octets of the record that begins at `at`. */
export function recordSize(arena: Buffer, at: number): number {
  const principalAt = at + HEAD + 1 + arena.readUInt8(at + HEAD);
  const restAt = principalAt + 2 + arena.readUInt16LE(principalAt);
  return rounded(restAt + 2 + arena.readUInt16LE(restAt) - at);
}

/** @throws RangeError, SyntaxError when the block was used again while it was read; the reader then looks again */
export function decodeRecord(arena: Buffer, at: number): OwnPart {
  const idEnd = at + HEAD + 1 + arena.readUInt8(at + HEAD);
  const principalEnd = idEnd + 2 + arena.readUInt16LE(idEnd);
  const restLength = arena.readUInt16LE(principalEnd);
  const rest =
    restLength === 0
      ? undefined
      : (JSON.parse(arena.toString('utf8', principalEnd + 2, principalEnd + 2 + restLength)) as [
          Record<string, string>,
          Record<string, string>,
        ]);
  return {
    expiresAtSeconds: arena.readUInt32LE(at),
    profileRef: arena.readUInt32LE(at + 4),
    id: arena.toString('latin1', at + HEAD + 1, idEnd),
    principal: arena.toString('utf8', idEnd + 2, principalEnd),
    labels: rest?.[0] ?? NONE,
    attributes: rest?.[1] ?? NONE,
  };
}

/** The most octets the record of this entry may take. */
export function recordBound(entry: KeyEntry): number {
  return rounded(ROOM + entry.id.length + 3 * entry.principal.length + 3 * restText(entry).length);
}

function restText({ labels, attributes }: KeyEntry): string {
  for (const _ in labels) return JSON.stringify([labels, attributes]);
  for (const _ in attributes) return JSON.stringify([labels, attributes]);
  return '';
}

function rounded(octets: number): number {
  return Math.ceil(octets / BLOCK_BYTES) * BLOCK_BYTES;
}
