import { Breadcrumb, BreadcrumbItem, Button, Card, CardBody, CardTitle, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm } from '@patternfly/react-core';
import { useState, type ReactNode } from 'react';
import { Link, useParams } from 'react-router-dom';
import { api, at } from '../api/client';
import type { Job, JobLogLine, Problem } from '../api/types';
import { Ago } from '../components/Ago';
import { JobOutcome } from '../components/JobOutcome';
import { JobStateLabel } from '../components/labels';
import { Loaded } from '../components/Loaded';
import { PageFrame } from '../components/PageFrame';
import { ProblemAlert } from '../components/ProblemAlert';
import { exact } from '../format/time';
import { CAUSE, JOB_KIND } from '../format/words';
import { isOver, useLive } from '../live/LiveProvider';
import { useMay } from '../live/session';
import { problemOf, useResource } from '../live/useResource';

function Log({ job }: { job: Job }) {
  const path = `${at('jobs', job.id)}/log`;
  const log = useResource(`${path} ${job.progress?.phase} ${job.state}`, () => api.get<{ lines: JobLogLine[] }>(path));
  return (
    <Card>
      <CardTitle component="h2">Log</CardTitle>
      <CardBody>
        <Loaded resource={log}>
          {({ lines }) => (
            <div className="tm-log" tabIndex={0} role="log">
              {lines.map((line, i) => (
                <div key={i} className={`tm-log-${line.level}`}>
                  <time dateTime={line.at} title={exact(new Date(line.at))}>{new Date(line.at).toLocaleTimeString('en-GB')}</time> {line.text}
                </div>
              ))}
              {lines.length === 0 && <span className="tm-subtle">Nothing yet.</span>}
            </div>
          )}
        </Loaded>
      </CardBody>
    </Card>
  );
}

function Facts({ job }: { job: Job }) {
  const facts: [string, ReactNode][] = [
    ['Container', job.container && <Link to={at('containers', job.container)}>{job.container}</Link>],
    ['Target', job.target],
    ['Cause', `${CAUSE[job.cause]}${job.policy ? ` (${job.policy})` : ''}${job.createdBy && !job.policy ? `, ${job.createdBy}` : ''}`],
    ['Asked for', <Ago at={job.createdAt} />],
    ['Began', <Ago at={job.startedAt} none="not yet" />],
    ['Ended', <Ago at={job.finishedAt} none="not yet" />],
    ['Attempt', (job.attempt ?? 1) > 1 && job.attempt],
  ];
  return (
    <Card>
      <CardTitle component="h2">Job</CardTitle>
      <CardBody>
        <DescriptionList columnModifier={{ default: '1Col', md: '2Col', xl: '3Col' }} isCompact>
          {facts.filter(([, value]) => value).map(([term, value]) => (
            <DescriptionListGroup key={term}>
              <DescriptionListTerm>{term}</DescriptionListTerm>
              <DescriptionListDescription>{value}</DescriptionListDescription>
            </DescriptionListGroup>
          ))}
        </DescriptionList>
      </CardBody>
    </Card>
  );
}

export function JobPage() {
  const id = useParams()['id'] ?? '';
  const path = at('jobs', id);
  const loaded = useResource(path, () => api.get<Job>(path));
  const { jobs } = useLive();
  const [problem, setProblem] = useState<Problem>();
  const job = jobs.get(id) ?? loaded.data;
  const needed = job?.kind === 'RESTORE' ? 'restore' : 'backup';
  const mayCancel = useMay(needed) && job !== undefined && !isOver(job.state);
  const title = job ? `${JOB_KIND[job.kind]}${job.container ? ` of ${job.container}` : ''}` : 'Job';
  const cancel = () => api.post(`${path}/cancel`).then(loaded.reload, (error: unknown) => setProblem(problemOf(error)));
  const crumbs = (
    <Breadcrumb>
      <BreadcrumbItem><Link to="/jobs">Jobs</Link></BreadcrumbItem>
      <BreadcrumbItem isActive>{id}</BreadcrumbItem>
    </Breadcrumb>
  );
  return (
    <PageFrame
      title={title}
      heading={<span className="tm-row">{title} {job && <JobStateLabel state={job.state} />}</span>}
      crumbs={crumbs}
      actions={mayCancel && <Button variant="secondary" isDanger onClick={cancel}>Cancel job</Button>}
    >
      {problem && <ProblemAlert problem={problem} />}
      <Loaded resource={loaded}>
        {(first) => {
          const now = job ?? first;
          return (
            <div className="tm-stack">
              <Card>
                <CardTitle component="h2">{isOver(now.state) ? 'Result' : 'Progress'}</CardTitle>
                <CardBody><JobOutcome job={now} /></CardBody>
              </Card>
              <Facts job={now} />
              <Log job={now} />
            </div>
          );
        }}
      </Loaded>
    </PageFrame>
  );
}
