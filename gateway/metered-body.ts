import { Readable } from 'node:stream';
import type { RequestBody } from './upstream/contract.ts';

/** A request's body, of which copies can be taken before the first octet is read. */
export interface ClientBody extends RequestBody {
  tee(copy: MirrorBody): void;
}

/** A mirror that is this far behind is given up. */
const MIRROR_OCTETS = 1_048_576;

/** A copy of a body that never makes the original wait: it breaks off instead. */
export class MirrorBody extends Readable {
  override _read(): void {}

  /** @param chunk null: the end */
  copy(chunk: Uint8Array | null): void {
    if (this.destroyed) return;
    if (chunk !== null && this.readableLength + chunk.length > MIRROR_OCTETS) {
      this.destroy();
      return;
    }
    this.push(chunk);
  }
}

/**
 * A request body whose length is not known beforehand: counted while it passes, and broken off beyond a limit. Back-pressure goes
 * through to the client.
 */
export class MeteredBody extends Readable {
  readonly #source: Readable;
  #octets = 0;
  #copies: MirrorBody[] | undefined;
  #ended = false;

  /** @param counted called with the octets so far; false: too many, nothing more is read */
  constructor(source: Readable, counted: (octets: number) => boolean) {
    super();
    this.#source = source;
    source.on('data', (chunk: Buffer) => {
      if (this.destroyed) return;
      this.#octets += chunk.length;
      if (!counted(this.#octets)) {
        this.destroy();
        return;
      }
      for (const copy of this.#copies ?? []) copy.copy(chunk);
      if (!this.push(chunk)) source.pause();
    });
    source.on('end', () => {
      this.#ended = true;
      for (const copy of this.#copies ?? []) copy.copy(null);
      this.push(null);
    });
    const broken = (): void => {
      if (!this.#ended) this.destroy();
    };
    source.on('error', broken);
    source.on('close', broken);
    source.pause();
    if (source.destroyed) this.destroy();
  }

  tee(copy: MirrorBody): void {
    this.#copies ??= [];
    this.#copies.push(copy);
  }

  get octets(): number {
    return this.#octets;
  }

  /** It waits for the client. */
  get waits(): boolean {
    return !this.#ended && !this.#source.isPaused();
  }

  override _read(): void {
    this.#source.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    for (const copy of this.#copies ?? []) copy.destroy();
    this.#source.pause();
    done(error);
  }
}
