import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import type { Job, JobState } from '../api/types';
import { JobStream } from './stream';

interface Live {
  /** Every job heard of since the page was opened, by id. */
  jobs: ReadonlyMap<string, Job>;
  connected: boolean;
  /** Grows whenever a job begins or ends: what was loaded before may be out of date. */
  revision: number;
}

const LiveContext = createContext<Live>({ jobs: new Map(), connected: false, revision: 0 });

const world = {
  open: (url: string) => new EventSource(url),
  later: (action: () => void, millis: number) => window.setTimeout(action, millis),
  forget: (timer: number) => window.clearTimeout(timer),
};

export function isOver(state: JobState): boolean {
  return state === 'SUCCEEDED' || state === 'FAILED' || state === 'CANCELLED';
}

/** One stream of all jobs for the whole page, however many parts of it look at jobs. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const [jobs, setJobs] = useState<ReadonlyMap<string, Job>>(new Map());
  const [connected, setConnected] = useState(true);
  const [revision, setRevision] = useState(0);
  const states = useRef(new Map<string, JobState>());

  useEffect(() => {
    const heard = (job: Job) => {
      setJobs((before) => new Map(before).set(job.id, job));
      const before = states.current.get(job.id);
      if (before !== job.state) {
        states.current.set(job.id, job.state);
        setRevision((value) => value + 1);
      }
    };
    const changed = (now: boolean) => {
      setConnected(now);
      if (now) {
        setRevision((value) => value + 1);
      }
    };
    const stream = new JobStream('/api/v1/jobs/events', heard, changed, world);
    return () => stream.close();
  }, []);

  const live = useMemo(() => ({ jobs, connected, revision }), [jobs, connected, revision]);
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>;
}

export const useLive = () => useContext(LiveContext);

/** Jobs as they are now, newest first: what was listed, brought up to date by what the stream said. */
export function useJobs(listed: Job[] | undefined, wanted: (job: Job) => boolean): Job[] {
  const { jobs } = useLive();
  const merged = new Map(listed?.map((job) => [job.id, job]));
  for (const job of jobs.values()) {
    merged.set(job.id, job);
  }
  return [...merged.values()].filter(wanted).sort((a, b) => b.createdAt.localeCompare(a.createdAt) || b.id.localeCompare(a.id));
}
