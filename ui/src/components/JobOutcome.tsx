import { Alert, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import type { Job, JobResult } from '../api/types';
import { bytes, count } from '../format/bytes';
import { duration, exact } from '../format/time';
import { GRADE, JOB_KIND, MODE } from '../format/words';
import { JobProgressBar } from './JobProgressBar';

type Row = [string, ReactNode];

const size = (name: string, value: number | undefined): Row[] => (value === undefined ? [] : [[name, bytes(value)]]);
const number = (name: string, value: number | undefined): Row[] => (value === undefined ? [] : [[name, count(value)]]);

function rows(job: Job, result: JobResult): Row[] {
  const took: Row[] = result.seconds === undefined ? [] : [['Took', duration(result.seconds)]];
  const point: Row[] = result.pointId === undefined ? [] : [['Recovery point', <span className="tm-mono">{result.pointId}</span>]];
  switch (job.kind) {
    case 'BACKUP':
      return [
        ...point,
        ...(result.instant ? [['Instant', exact(new Date(result.instant))] satisfies Row] : []),
        ...(result.mode ? [['Kind', MODE[result.mode] + (result.fullReason ? `: ${result.fullReason}` : '')] satisfies Row] : []),
        ...(result.grade ? [['Grade', GRADE[result.grade]] satisfies Row] : []),
        ...(result.freezeMillis === undefined ? [] : [['Frozen for', `${Math.round(result.freezeMillis)} ms`] satisfies Row]),
        ...size('Read', result.bytesRead),
        ...size('Changed', result.bytesChanged),
        ...size('Shipped', result.bytesShipped),
        ...size('Stored', result.bytesStored),
        ...number('Objects', result.objects),
        ...took,
      ];
    case 'RESTORE':
      return [
        ...(result.destination ? [['Restored to', <span className="tm-mono">{result.destination}</span>] satisfies Row] : []),
        ...point,
        ...size('Size', result.sizeBytes),
        ...size('Written', result.writtenBytes),
        ...took,
      ];
    case 'VERIFY':
      return [...number('Recovery points', result.points), ...number('Chunks', result.chunks), ...size('Compared', result.bytes), ['Damages', (result.damages ?? []).length === 0 ? 'none' : (result.damages ?? []).join('; ')], ...took];
    case 'SNAPSHOT_DELETE':
    case 'SNAPSHOT_MERGE':
      return [...(result.image ? [['Image', <span className="tm-mono">{result.image}</span>] satisfies Row] : []), ['Outcome', result.outcome ?? ''], ...took];
    case 'MIGRATE':
      return [['Now on', result.peer ?? ''], ...size('Sent', result.bytesSent), ...(result.downMillis === undefined ? [] : [['Stopped for', duration(result.downMillis / 1000)] satisfies Row])];
    case 'ARRIVE':
      return [['Came from', result.from ?? '']];
    case 'REPLICATE':
      return [['Source', result.source ?? ''], ...number('Points sent', result.points), ...number('Points there before', result.pointsAlreadyThere), ...number('Packs', result.packs), ...size('Sent', result.bytesSent)];
  }
}

/** How far a job is, or what came of it. */
export function JobOutcome({ job }: { job: Job }) {
  const name = JOB_KIND[job.kind];
  return (
    <div className="tm-stack">
      {(job.state === 'RUNNING' || job.state === 'QUEUED') && <JobProgressBar job={job} />}
      {job.state === 'SUCCEEDED' && <Alert isInline variant="success" title={`${name} done`} />}
      {job.state === 'CANCELLED' && <Alert isInline variant="info" title={`${name} cancelled`} />}
      {job.error && <Alert isInline variant="danger" title={job.error.title}>{job.error.detail}</Alert>}
      {(job.notices ?? []).map((notice) => <Alert key={notice} isInline isPlain variant="info" title={notice} />)}
      {job.result && (
        <DescriptionList isHorizontal isCompact>
          {rows(job, job.result).map(([term, value]) => (
            <DescriptionListGroup key={term}>
              <DescriptionListTerm>{term}</DescriptionListTerm>
              <DescriptionListDescription>{value}</DescriptionListDescription>
            </DescriptionListGroup>
          ))}
        </DescriptionList>
      )}
    </div>
  );
}
