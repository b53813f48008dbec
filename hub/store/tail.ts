import { type Cursor, type EventLog, type EventSource, endOf } from './watch.ts';

const PAGE = 500;

/** Follows a log that other hubs write to as well, and publishes what is new. */
export class Tail {
  readonly #source: EventSource;
  readonly #log: EventLog;
  readonly #timer: NodeJS.Timeout;
  #cursor: Cursor;
  #running: Promise<void> | undefined;
  #again = false;

  /** `intervalMs` bounds how late another hub's event is seen; this hub's own commits call {@link poke}. */
  constructor(source: EventSource, log: EventLog, intervalMs: number) {
    this.#source = source;
    this.#log = log;
    this.#cursor = log.head;
    this.#timer = setInterval(() => this.poke(), intervalMs);
    this.#timer.unref();
  }

  /** Something may be new. */
  poke(): void {
    if (this.#running !== undefined) {
      this.#again = true;
      return;
    }
    this.#running = this.#follow().finally(() => {
      this.#running = undefined;
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #follow(): Promise<void> {
    do {
      this.#again = false;
      try {
        await this.#catchUp();
      } catch {
        return; // the database is away: the timer tries again, and writers see the error themselves
      }
    } while (this.#again);
  }

  async #catchUp(): Promise<void> {
    for (;;) {
      const page = await this.#source.page(this.#cursor, PAGE);
      if (this.#cursor.revision < page.compactedRevision) {
        this.#cursor = endOf(page.compactedRevision);
        this.#log.skipTo(this.#cursor);
        continue;
      }
      const last = page.events.at(-1);
      if (last === undefined) return;
      this.#cursor = { revision: last.event.revision, position: last.position };
      this.#log.publish(page.events);
    }
  }
}
