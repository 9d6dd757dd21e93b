import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiError } from '../api/client';
import type { Problem } from '../api/types';
import { useLive } from './LiveProvider';

export interface Resource<T> {
  data: T | undefined;
  problem: Problem | undefined;
  reload: () => void;
}

/** Jobs that start together end in one reload, not in as many as there are jobs. */
const SETTLE_MILLIS = 250;
const REFRESH_MILLIS = 60_000;

/**
 * Loads something, and again when jobs begin or end and once a minute while the page is in view. What was loaded stays
 * on the screen until the new state is there; only another `key` begins from nothing.
 */
export function useResource<T>(key: string, load: () => Promise<T>): Resource<T> {
  const { revision } = useLive();
  const [state, setState] = useState<{ key: string; data?: T; problem?: Problem }>({ key });
  const [round, setRound] = useState(0);
  const loader = useRef(load);
  loader.current = load;
  const first = useRef(true);
  const reload = useCallback(() => setRound((value) => value + 1), []);

  useEffect(() => {
    let wanted = true;
    const timer = window.setTimeout(() => {
      loader.current().then(
        (data) => wanted && setState({ key, data }),
        (error: unknown) => wanted && setState((before) => ({ ...(before.key === key ? before : { key }), problem: problemOf(error) })),
      );
    }, first.current ? 0 : SETTLE_MILLIS);
    first.current = false;
    return () => {
      wanted = false;
      window.clearTimeout(timer);
    };
  }, [key, revision, round]);

  useEffect(() => {
    const timer = window.setInterval(() => document.visibilityState === 'visible' && reload(), REFRESH_MILLIS);
    return () => window.clearInterval(timer);
  }, [reload]);

  const current = state.key === key ? state : { key };
  return { data: current.data, problem: current.problem, reload };
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) {
    return error.problem;
  }
  return { title: 'This page failed', code: 'failed', detail: error instanceof Error ? error.message : String(error) };
}
