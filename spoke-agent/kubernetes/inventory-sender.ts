import { create } from '@bufbuild/protobuf';
import type { InventoryKey } from '../../src/inventory/contract.ts';
import {
  type Inventory,
  InventoryObjectSchema,
  InventorySchema,
} from '../../src/protocol/generated/portolan_pb.js';
import { type InventorySet, partsOf } from './inventory-set.ts';

/** Characters of content in one message; gRPC and the hub take more. */
const CHUNK = 768 * 1024;
/** Changes of this time go together. */
const SOON_MS = 20;
/** A hub that reads slowly is tried again this often; meanwhile changes of the same object become one. */
const AGAIN_MS = 50;

export interface InventorySenderOptions {
  readonly session: string;
  readonly set: InventorySet;
  /** False until the whole cluster was seen: nothing of it is used before. */
  readonly isComplete: () => boolean;
  /** JSON of `InventoryFacts`. */
  readonly facts: () => string;
  /** False: there is no stream, or too much waits in it. */
  readonly send: (message: Inventory) => boolean;
  readonly after: (delayMs: number, task: () => void) => () => void;
}

/** Tells the hub what there is: all of it on each new stream, then what changes. */
export interface InventorySender {
  /** Something changed. */
  changed(): void;
  /** A new stream: the hub there knows nothing of this session. */
  streamOpened(): void;
  streamEnded(): void;
  readonly stats: { readonly messages: number; readonly waiting: number; readonly complete: boolean };
  close(): void;
}

export function createInventorySender(options: InventorySenderOptions): InventorySender {
  const { set } = options;
  /** Keys whose state the hub does not have yet, in the order that they go. */
  const waiting = new Set<InventoryKey>();
  /** What the hub of this stream was told. */
  const told = new Set<InventoryKey>();
  let isOpen = false;
  let sequence = 0;
  let saidComplete = false;
  let saidFacts: string | undefined;
  let messages = 0;
  let cancel: (() => void) | undefined;
  let closed = false;

  const soon = (delayMs: number): void => {
    if (closed || !isOpen) return;
    cancel ??= options.after(delayMs, () => {
      cancel = undefined;
      flush();
    });
  };

  const flush = (): void => {
    // What goes makes room for what had none.
    for (let found = set.changes(); found.size > 0; found = set.changes())
      for (const key of found.keys()) waiting.add(key);
    // A first set that is not whole yet is of no use to anybody.
    if (!isOpen || (!saidComplete && !options.isComplete())) return;
    for (;;) {
      const facts = options.facts();
      if (waiting.size === 0 && saidComplete && facts === saidFacts) return;
      const { keys, message } = chunk(facts);
      if (
        saidComplete &&
        message.changed.length + message.removed.length === 0 &&
        message.facts === undefined
      ) {
        for (const key of keys) waiting.delete(key);
        continue;
      }
      if (!options.send(message)) {
        soon(AGAIN_MS);
        return;
      }
      messages += 1;
      sequence += 1;
      saidFacts = facts;
      saidComplete ||= message.complete;
      for (const key of keys) {
        waiting.delete(key);
        if (set.contents.has(key)) told.add(key);
        else told.delete(key);
      }
    }
  };

  const chunk = (facts: string): { readonly keys: readonly InventoryKey[]; readonly message: Inventory } => {
    const keys: InventoryKey[] = [];
    const message = create(InventorySchema, {
      session: options.session,
      sequence: BigInt(sequence + 1),
      ...(facts === saidFacts ? {} : { facts }),
    });
    let room = CHUNK;
    for (const key of waiting) {
      const content = set.contents.get(key);
      if (content !== undefined && keys.length > 0 && content.length > room) break;
      keys.push(key);
      room -= (content?.length ?? 0) + key.length;
      if (content !== undefined)
        message.changed.push(create(InventoryObjectSchema, { ...partsOf(key), content }));
      else if (told.has(key)) message.removed.push(key);
      if (room <= 0) break;
    }
    message.complete = saidComplete || keys.length === waiting.size;
    return { keys, message };
  };

  return {
    changed: () => soon(SOON_MS),
    streamOpened() {
      isOpen = true;
      sequence = 0;
      saidComplete = false;
      saidFacts = undefined;
      told.clear();
      waiting.clear();
      for (const key of set.contents.keys()) waiting.add(key);
      soon(0);
    },
    streamEnded() {
      isOpen = false;
      cancel?.();
      cancel = undefined;
    },
    get stats() {
      return { messages, waiting: waiting.size, complete: saidComplete };
    },
    close() {
      closed = true;
      cancel?.();
    },
  };
}
