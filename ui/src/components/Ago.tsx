import { useEffect, useState } from 'react';
import { exact, relative } from '../format/time';

/** The time now, renewed often enough for sentences in minutes. */
export function useNow(millis = 15_000): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(new Date()), millis);
    return () => window.clearInterval(timer);
  }, [millis]);
  return now;
}

interface Props {
  at: string | undefined;
  /** What to say when there is no time. */
  none?: string;
  /** Whether it is a time to come: one that has passed is due. */
  planned?: boolean;
}

/** "4 minutes ago"; the exact time is shown on hover. */
export function Ago({ at, none = 'never', planned = false }: Props) {
  const now = useNow();
  if (!at) {
    return <span className="tm-subtle">{none}</span>;
  }
  const time = new Date(at);
  return (
    <time dateTime={at} title={exact(time)}>
      {planned && time <= now ? 'due now' : relative(time, now)}
    </time>
  );
}
