import { Button, Card, CardBody, ToggleGroup, ToggleGroupItem } from '@patternfly/react-core';
import TachometerAltIcon from '@patternfly/react-icons/dist/esm/icons/tachometer-alt-icon';
import { useState } from 'react';
import { api } from '../api/client';
import type { Job, Page } from '../api/types';
import { Empty } from '../components/Empty';
import { JobTable } from '../components/JobTable';
import { Loaded } from '../components/Loaded';
import { PageFrame } from '../components/PageFrame';
import { isOver, useJobs } from '../live/LiveProvider';
import { useResource } from '../live/useResource';

type Filter = 'all' | 'active' | 'failed';

const FILTERS: Record<Filter, { text: string; query: string; wanted: (job: Job) => boolean }> = {
  all: { text: 'All', query: '', wanted: () => true },
  active: { text: 'Under way', query: '', wanted: (job) => !isOver(job.state) },
  failed: { text: 'Failed', query: '&state=FAILED', wanted: (job) => job.state === 'FAILED' },
};

const STEP = 50;

export function JobsPage() {
  const [filter, setFilter] = useState<Filter>('all');
  const [limit, setLimit] = useState(STEP);
  const { query, wanted } = FILTERS[filter];
  const listed = useResource(`jobs ${filter}`, () => api.get<Page<Job>>(`/jobs?limit=${Math.min(limit, 500)}${query}`));
  const jobs = useJobs(listed.data?.items, wanted);
  const more = () => {
    setLimit(limit + STEP);
    listed.reload();
  };
  return (
    <PageFrame
      title="Jobs"
      description="Backups, restores and verifications, newest first, as they happen."
      actions={
        <ToggleGroup aria-label="Which jobs">
          {(Object.keys(FILTERS) as Filter[]).map((key) => (
            <ToggleGroupItem key={key} text={FILTERS[key].text} buttonId={`filter-${key}`} isSelected={filter === key} onChange={() => setFilter(key)} />
          ))}
        </ToggleGroup>
      }
    >
      <Loaded resource={listed}>
        {(page) =>
          jobs.length === 0 ? (
            <Empty title={filter === 'all' ? 'No job yet' : 'None'} icon={TachometerAltIcon}>
              {filter === 'all' ? 'Jobs begin when a policy is due, or by hand from a container\'s page.' : 'No job is in that state.'}
            </Empty>
          ) : (
            <Card>
              <CardBody>
                <JobTable jobs={jobs} />
                {page.next && limit < 500 && <Button variant="link" onClick={more}>Show more</Button>}
              </CardBody>
            </Card>
          )
        }
      </Loaded>
    </PageFrame>
  );
}
