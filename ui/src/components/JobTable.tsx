import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { Link } from 'react-router-dom';
import type { Job } from '../api/types';
import { bytes } from '../format/bytes';
import { duration } from '../format/time';
import { JOB_KIND } from '../format/words';
import { Ago } from './Ago';
import { JobProgressBar } from './JobProgressBar';
import { JobStateLabel } from './labels';

function took(job: Job): string {
  return job.startedAt && job.finishedAt ? duration((Date.parse(job.finishedAt) - Date.parse(job.startedAt)) / 1000) : '';
}

/** What came of a job, in a few words. */
function outcome(job: Job): string {
  if (job.error) {
    return job.error.title;
  }
  const result = job.result;
  switch (job.kind) {
    case 'BACKUP':
      return result?.bytesShipped === undefined ? '' : `${bytes(result.bytesShipped)} shipped`;
    case 'RESTORE':
      return result?.writtenBytes === undefined ? '' : `${bytes(result.writtenBytes)} written`;
    case 'VERIFY':
      return result?.bytes === undefined ? '' : `${bytes(result.bytes)} compared`;
    case 'SNAPSHOT_DELETE':
    case 'SNAPSHOT_MERGE':
      return result?.outcome ?? '';
    case 'MIGRATE':
      return result?.peer === undefined ? '' : `now on ${result.peer}`;
    case 'ARRIVE':
      return result?.from === undefined ? '' : `came from ${result.from}`;
    case 'REPLICATE':
      return result?.bytesSent === undefined ? '' : `${bytes(result.bytesSent)} sent`;
  }
}

export function JobTable({ jobs, withContainer = true }: { jobs: Job[]; withContainer?: boolean }) {
  return (
    <Table aria-label="Jobs" variant="compact">
      <Thead>
        <Tr>
          <Th width={15}>Job</Th>
          {withContainer && <Th>Container</Th>}
          <Th>Target</Th>
          <Th width={40}>State</Th>
          <Th>Began</Th>
          <Th>Took</Th>
        </Tr>
      </Thead>
      <Tbody>
        {jobs.map((job) => (
          <Tr key={job.id}>
            <Td dataLabel="Job">
              <Link to={`/jobs/${job.id}`}>{JOB_KIND[job.kind]}</Link>
            </Td>
            {withContainer && <Td dataLabel="Container">{job.container && <Link to={`/containers/${job.container}`}>{job.container}</Link>}</Td>}
            <Td dataLabel="Target">{job.target}</Td>
            <Td dataLabel="State">
              {job.state === 'RUNNING' ? (
                <JobProgressBar job={job} />
              ) : (
                <span className="tm-row">
                  <JobStateLabel state={job.state} /> <span className="tm-subtle">{outcome(job)}</span>
                </span>
              )}
            </Td>
            <Td dataLabel="Began"><Ago at={job.startedAt ?? job.createdAt} /></Td>
            <Td dataLabel="Took">{took(job)}</Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}
