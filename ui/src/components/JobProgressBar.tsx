import { Progress } from '@patternfly/react-core';
import type { Job } from '../api/types';
import { bytes } from '../format/bytes';

/** How far a job is. Without a known end only what is done is told. */
export function JobProgressBar({ job }: { job: Job }) {
  const { doneBytes, totalBytes, fraction, text, phase } = job.progress ?? {};
  const amount = doneBytes === undefined ? '' : totalBytes ? `${bytes(doneBytes)} of ${bytes(totalBytes)}` : bytes(doneBytes);
  return (
    <Progress
      aria-label={`Progress of job ${job.id}`}
      value={Math.round((fraction ?? 0) * 100)}
      title={text || phase || 'Waiting for its turn'}
      label={fraction === undefined ? amount : `${Math.round(fraction * 100)}%`}
      valueText={amount}
      size="sm"
    />
  );
}
