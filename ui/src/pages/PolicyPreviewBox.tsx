import { useEffect, useState } from 'react';
import { api } from '../api/client';
import type { PolicyPreview, Problem, Retention, Schedule } from '../api/types';
import { ProblemAlert } from '../components/ProblemAlert';
import { exact } from '../format/time';
import { problemOf } from '../live/useResource';

const TYPING_MILLIS = 350;

/** What a schedule and a retention mean, in the appliance's words, while they are typed. */
export function PolicyPreviewBox({ schedule, retention }: { schedule: Schedule; retention: Retention }) {
  const [preview, setPreview] = useState<PolicyPreview>();
  const [problem, setProblem] = useState<Problem>();
  const body = JSON.stringify({ schedule, retention });

  useEffect(() => {
    let wanted = true;
    const timer = window.setTimeout(() => {
      api.post<PolicyPreview>('/policies/preview', JSON.parse(body)).then(
        (found) => {
          if (wanted) {
            setPreview(found);
            setProblem(undefined);
          }
        },
        (error: unknown) => wanted && setProblem(problemOf(error)),
      );
    }, TYPING_MILLIS);
    return () => {
      wanted = false;
      window.clearTimeout(timer);
    };
  }, [body]);

  if (problem) {
    return <ProblemAlert problem={problem} />;
  }
  if (!preview) {
    return null;
  }
  return (
    <div className="tm-preview" aria-live="polite">
      <div><strong>{preview.sentence}</strong></div>
      {preview.retentionSentence && <div>{preview.retentionSentence}</div>}
      {preview.next.length > 0 && <div className="tm-subtle">Next: {preview.next.slice(0, 3).map((time) => exact(new Date(time))).join(' · ')}</div>}
    </div>
  );
}
