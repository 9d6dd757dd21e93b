import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job } from '../api/types';
import { JobStream, type StreamWorld } from './stream';

class FakeSource extends EventTarget {
  isClosed = false;
  close(): void {
    this.isClosed = true;
  }
  fire(type: string, data?: string): void {
    this.dispatchEvent(data === undefined ? new Event(type) : Object.assign(new Event(type), { data }));
  }
}

function world() {
  const sources: FakeSource[] = [];
  const waits: number[] = [];
  let pending: (() => void) | undefined;
  const made: StreamWorld = {
    open: () => {
      const source = new FakeSource();
      sources.push(source);
      return source as unknown as EventSource;
    },
    later: (action, millis) => {
      waits.push(millis);
      pending = action;
      return 1;
    },
    forget: () => {
      pending = undefined;
    },
  };
  const pass = () => {
    const action = pending;
    pending = undefined;
    action?.();
  };
  return { made, sources, waits, pass };
}

test('jobs arrive', () => {
  const { made, sources } = world();
  const jobs: Job[] = [];
  new JobStream('/x', (job) => jobs.push(job), () => {}, made);
  sources[0]!.fire('job', '{"id":"7"}');
  assert.deepEqual(jobs.map((job) => job.id), ['7']);
});

test('a lost stream is opened again, each time later, and at once after a success', () => {
  const { made, sources, waits, pass } = world();
  const states: boolean[] = [];
  new JobStream('/x', () => {}, (connected) => states.push(connected), made);
  for (let i = 0; i < 7; i++) {
    sources[sources.length - 1]!.fire('error');
    pass();
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  sources[sources.length - 1]!.fire('open');
  sources[sources.length - 1]!.fire('error');
  assert.equal(waits[waits.length - 1], 1000);
  assert.deepEqual(states.slice(-2), [true, false]);
});

test('one failure told twice reconnects once', () => {
  const { made, sources, waits } = world();
  new JobStream('/x', () => {}, () => {}, made);
  sources[0]!.fire('error');
  sources[0]!.fire('error');
  assert.equal(waits.length, 1);
});

test('closed means closed', () => {
  const { made, sources, waits, pass } = world();
  const stream = new JobStream('/x', () => {}, () => {}, made);
  sources[0]!.fire('error');
  stream.close();
  pass();
  assert.equal(sources.length, 1);
  sources[0]!.fire('error');
  assert.equal(waits.length, 1);
});
