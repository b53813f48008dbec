import type { Fields } from '../request.ts';
import type { RequestBody } from './contract.ts';

/** Where the octets of a request body go. */
export interface BodyConsumer {
  /** False: enough for now; `BodySource.resume` asks for more. */
  bodyChunk(chunk: Uint8Array): boolean;
  bodyEnd(trailers: Fields): void;
  /** The client broke off. */
  bodyFailed(): void;
}

/** Bodies up to this are kept while a retry may need them; a longer one, once begun, is never sent again. */
export const REPLAY_OCTETS = 65_536;

/** The body of a request for one try after the other. Reads the client's stream only while somebody takes it. */
export class BodySource {
  readonly #body: RequestBody;
  #kept: Uint8Array[] | undefined;
  #keptOctets = 0;
  #passedOctets = 0;
  #listening = false;
  #begun = false;
  #ended = false;
  #failed = false;
  /** The consumer takes no more for now. */
  #held = false;
  #consumer: BodyConsumer | undefined;

  /** @param replay keep what was sent, up to `REPLAY_OCTETS`, for another try */
  constructor(body: RequestBody, replay: boolean) {
    this.#body = body;
    this.#kept = replay && (body.length === undefined || body.length <= REPLAY_OCTETS) ? [] : undefined;
  }

  get length(): number | undefined {
    return this.#body.length;
  }

  /** How many the client's stream gave so far. */
  get passedOctets(): number {
    return this.#passedOctets;
  }

  /** Another try can have all of it. */
  get replayable(): boolean {
    return !this.#failed && (!this.#begun || this.#kept !== undefined);
  }

  /** The client has not sent all of it, and what it sends would be taken. */
  get awaited(): boolean {
    return !this.#ended && !this.#held;
  }

  attach(consumer: BodyConsumer): void {
    this.#consumer = consumer;
    this.#held = false;
    if (this.#failed) {
      consumer.bodyFailed();
      return;
    }
    let more = true;
    for (const chunk of this.#kept ?? []) more = consumer.bodyChunk(chunk) && more;
    if (this.#ended) {
      consumer.bodyEnd(this.#body.trailers());
      return;
    }
    if (!this.#listening) this.#listen();
    else if (more) this.#body.stream.resume();
    if (!more) this.#hold();
  }

  detach(): void {
    if (this.#consumer === undefined) return;
    this.#consumer = undefined;
    if (!this.#ended) this.#body.stream.pause();
  }

  resume(): void {
    this.#held = false;
    if (this.#consumer !== undefined && !this.#ended) this.#body.stream.resume();
  }

  #hold(): void {
    this.#held = true;
    this.#body.stream.pause();
  }

  #listen(): void {
    this.#listening = true;
    const { stream } = this.#body;
    stream.on('data', (chunk: Uint8Array) => this.#chunk(chunk));
    stream.on('end', () => {
      this.#ended = true;
      this.#consumer?.bodyEnd(this.#body.trailers());
    });
    const broken = () => {
      if (this.#ended || this.#failed) return;
      this.#failed = true;
      this.#consumer?.bodyFailed();
    };
    stream.on('error', broken);
    stream.on('close', broken);
    if (stream.destroyed) broken();
  }

  #chunk(chunk: Uint8Array): void {
    this.#begun = true;
    this.#passedOctets += chunk.length;
    if (this.#kept !== undefined) {
      this.#keptOctets += chunk.length;
      if (this.#keptOctets > REPLAY_OCTETS) this.#kept = undefined;
      else this.#kept.push(chunk);
    }
    if (this.#consumer?.bodyChunk(chunk) === false) this.#hold();
  }
}
