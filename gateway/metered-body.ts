import { Readable } from 'node:stream';

/**
 * A request body whose length is not known beforehand: counted while it passes, and broken off beyond a limit. Back-pressure goes
 * through to the client.
 */
export class MeteredBody extends Readable {
  readonly #source: Readable;
  #octets = 0;
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
      if (!this.push(chunk)) source.pause();
    });
    source.on('end', () => {
      this.#ended = true;
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
    this.#source.pause();
    done(error);
  }
}
