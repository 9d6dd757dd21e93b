import { parse } from '../api/json';
import type { Job } from '../api/types';

/** What JobStream needs of the browser, so that a test can stand in for it. */
export interface StreamWorld {
  open(url: string): EventSource;
  later(action: () => void, millis: number): number;
  forget(timer: number): void;
}

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 30_000;

/**
 * The stream of all jobs. A stream that ends or fails is opened again after a pause that doubles; the server begins each
 * stream with the current states, so nothing that happened in between is missed.
 */
export class JobStream {
  private source: EventSource | undefined;
  private timer: number | undefined;
  private wait = FIRST_WAIT;
  private closed = false;

  constructor(
    private readonly url: string,
    private readonly onJob: (job: Job) => void,
    private readonly onConnected: (connected: boolean) => void,
    private readonly world: StreamWorld,
  ) {
    this.connect();
  }

  close(): void {
    this.closed = true;
    this.source?.close();
    if (this.timer !== undefined) {
      this.world.forget(this.timer);
    }
  }

  private connect(): void {
    const source = this.world.open(this.url);
    this.source = source;
    source.addEventListener('open', () => {
      this.wait = FIRST_WAIT;
      this.onConnected(true);
    });
    source.addEventListener('job', (event) => this.onJob(parse((event as MessageEvent<string>).data) as Job));
    source.addEventListener('error', () => this.again(source));
  }

  /** The browser's own reconnecting gives up at the first answer that is not 200; ours does not. */
  private again(source: EventSource): void {
    source.close();
    if (this.closed || source !== this.source) {
      return;
    }
    this.onConnected(false);
    this.source = undefined;
    this.timer = this.world.later(() => this.connect(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }
}
