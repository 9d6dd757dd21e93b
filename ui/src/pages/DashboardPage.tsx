import { Card, CardBody, CardTitle, Gallery } from '@patternfly/react-core';
import CheckCircleIcon from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import ExclamationTriangleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import FlagIcon from '@patternfly/react-icons/dist/esm/icons/flag-icon';
import type { ReactNode } from 'react';
import { Link } from 'react-router-dom';
import { api } from '../api/client';
import type { AttentionItem, Overview, OverviewState } from '../api/types';
import { JobTable } from '../components/JobTable';
import { Loaded } from '../components/Loaded';
import { PageFrame } from '../components/PageFrame';
import { Tide } from '../components/Tide';
import { bytes } from '../format/bytes';
import { isOver, useJobs } from '../live/LiveProvider';
import { useResource } from '../live/useResource';
import { FirstSteps } from './FirstSteps';

const ANSWER: Record<OverviewState, { words: string; icon: ReactNode }> = {
  SAFE: { words: 'All is well', icon: <CheckCircleIcon /> },
  ATTENTION: { words: 'Something needs attention', icon: <ExclamationTriangleIcon /> },
  DANGER: { words: 'Data is in danger', icon: <ExclamationCircleIcon /> },
  EMPTY: { words: 'Nothing is protected yet', icon: <FlagIcon /> },
};

function Hero({ overview }: { overview: Overview }) {
  const { words, icon } = ANSWER[overview.state];
  // The appliance's sentence stands alone elsewhere and may begin with what the headline says already.
  const more = overview.sentence.startsWith(`${words}.`) ? overview.sentence.slice(words.length + 1).trim() : overview.sentence;
  return (
    <section className={`tm-hero tm-${overview.state}`} aria-live="polite">
      <span className="tm-hero-icon" aria-hidden="true">{icon}</span>
      <div className="tm-hero-words">
        <h2>{words}</h2>
        {more && <p>{more}</p>}
      </div>
      <Tide className="tm-hero-tide" />
    </section>
  );
}

function placeOf(item: AttentionItem): string {
  switch (item.kind.toLowerCase()) {
    case 'container':
      return `/containers/${encodeURIComponent(item.name)}`;
    case 'target':
    case 'replica':
      return '/targets';
    case 'policy':
      return '/policies';
    case 'job':
      return `/jobs/${encodeURIComponent(item.name)}`;
    default:
      return '/settings/system';
  }
}

function Attention({ items }: { items: AttentionItem[] }) {
  return (
    <Card>
      <CardTitle component="h2">Needs attention</CardTitle>
      <CardBody>
        <ul className="tm-attention">
          {items.map((item) => (
            <li key={item.kind + item.name + item.sentence}>
              <Link to={placeOf(item)}>{item.name}</Link>
              <span>{item.sentence}</span>
            </li>
          ))}
        </ul>
      </CardBody>
    </Card>
  );
}

function Fact({ title, number, to, children }: { title: string; number: ReactNode; to: string; children: ReactNode }) {
  return (
    <Card isFullHeight>
      <CardTitle component="h2">
        <Link to={to}>{title}</Link>
      </CardTitle>
      <CardBody>
        <div className="tm-number">{number}</div>
        {children}
      </CardBody>
    </Card>
  );
}

const KINDS = ['safe', 'late', 'failing', 'unprotected'] as const;

function Facts({ overview }: { overview: Overview }) {
  const { containers, targets, jobs } = overview;
  const present = KINDS.filter((kind) => containers[kind] > 0);
  return (
    <Gallery hasGutter minWidths={{ default: '220px' }}>
      <Fact title="Containers" number={containers.total} to="/containers">
        <div className="tm-bar" aria-hidden="true">
          {present.map((kind) => <span key={kind} className={`tm-bar-${kind}`} style={{ flexGrow: containers[kind] }} />)}
        </div>
        <span className="tm-subtle">{present.map((kind) => `${containers[kind]} ${kind}`).join(', ') || 'none yet'}</span>
      </Fact>
      <Fact title="Targets" number={targets.total} to="/targets">
        <span className="tm-subtle">{targets.total === 0 ? 'none yet' : targets.unreachable === 0 ? 'all can be reached' : `${targets.unreachable} cannot be reached`}</span>
      </Fact>
      <Fact title="Jobs, last 24 hours" number={jobs.succeededLastDay + jobs.failedLastDay} to="/jobs">
        <span className="tm-subtle">{jobs.failedLastDay === 0 ? 'none failed' : `${jobs.failedLastDay} failed`}, {jobs.running} running, {jobs.queued} waiting</span>
      </Fact>
      <Fact title="Shipped, last 24 hours" number={bytes(overview.shippedBytesLastDay)} to="/jobs">
        <span className="tm-subtle">{bytes(overview.storedBytesLastDay)} stored after compression</span>
      </Fact>
    </Gallery>
  );
}

function RunningJobs() {
  const running = useJobs(undefined, (job) => !isOver(job.state));
  if (running.length === 0) {
    return null;
  }
  return (
    <Card>
      <CardTitle component="h2">Under way</CardTitle>
      <CardBody>
        <JobTable jobs={running} />
      </CardBody>
    </Card>
  );
}

export function DashboardPage() {
  const overview = useResource('overview', () => api.get<Overview>('/overview'));
  return (
    <PageFrame title="Overview" description={overview.data && `${overview.data.hostName}, Tidemark ${overview.data.version}`}>
      <Loaded resource={overview}>
        {(data) => (
          <div className="tm-stack">
            <Hero overview={data} />
            {data.state === 'EMPTY' && <FirstSteps overview={data} />}
            {data.attention.length > 0 && <Attention items={data.attention} />}
            {data.state !== 'EMPTY' && <Facts overview={data} />}
            <RunningJobs />
          </div>
        )}
      </Loaded>
    </PageFrame>
  );
}
