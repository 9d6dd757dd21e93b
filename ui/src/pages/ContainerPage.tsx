import { Breadcrumb, BreadcrumbItem, Button, Card, CardBody, CardTitle } from '@patternfly/react-core';
import { useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router-dom';
import { api, at, listAll } from '../api/client';
import type { Container, Job, Page, Point } from '../api/types';
import { ConfirmModal } from '../components/ConfirmModal';
import { JobTable } from '../components/JobTable';
import { ProtectionLabel } from '../components/labels';
import { Loaded } from '../components/Loaded';
import { Menu } from '../components/Menu';
import { PageFrame } from '../components/PageFrame';
import { useJobs } from '../live/LiveProvider';
import { useMay } from '../live/session';
import { useResource } from '../live/useResource';
import { BackupModal } from './BackupModal';
import { ContainerSummary } from './ContainerSummary';
import { PointsCard } from './PointsCard';
import { RestoreModal } from './RestoreModal';
import { VerifyModal } from './VerifyModal';

type Dialog = { kind: 'backup' | 'verify' | 'remove' } | { kind: 'restore'; point?: Point };

function RecentJobs({ name }: { name: string }) {
  const listed = useResource(`jobs of ${name}`, () => api.get<Page<Job>>(`/jobs?limit=10&container=${encodeURIComponent(name)}`));
  const jobs = useJobs(listed.data?.items, (job) => job.container === name).slice(0, 8);
  return (
    <Card>
      <CardTitle component="h2">Jobs</CardTitle>
      <CardBody>
        <Loaded resource={listed}>{() => (jobs.length === 0 ? <p className="tm-subtle">None yet.</p> : <JobTable jobs={jobs} withContainer={false} />)}</Loaded>
      </CardBody>
    </Card>
  );
}

export function ContainerPage() {
  const name = useParams()['name'] ?? '';
  const path = at('containers', name);
  const container = useResource(path, () => api.get<Container>(path));
  const points = useResource(`${path}/points`, () => listAll<Point>(`${path}/points`));
  const [dialog, setDialog] = useState<Dialog>();
  const navigate = useNavigate();
  const mayBackup = useMay('backup');
  const mayRestore = useMay('restore');
  const mayAll = useMay('admin');
  const close = () => setDialog(undefined);
  const begun = (job: Job) => navigate(at('jobs', job.id));
  const all = points.data ?? [];

  const menu = [
    ...(mayBackup && all.length > 0 ? [{ text: 'Verify', run: () => setDialog({ kind: 'verify' }) }] : []),
    ...(mayAll ? [{ text: 'Remove from this appliance', run: () => setDialog({ kind: 'remove' }), danger: true }] : []),
  ];
  const actions = (
    <>
      {mayBackup && <Button onClick={() => setDialog({ kind: 'backup' })}>Back up now</Button>}
      {mayRestore && <Button variant="secondary" isDisabled={all.length === 0} onClick={() => setDialog({ kind: 'restore' })}>Restore</Button>}
      {menu.length > 0 && <Menu label="More" actions={menu} />}
    </>
  );
  const crumbs = (
    <Breadcrumb>
      <BreadcrumbItem><Link to="/containers">Containers</Link></BreadcrumbItem>
      <BreadcrumbItem isActive>{name}</BreadcrumbItem>
    </Breadcrumb>
  );
  return (
    <PageFrame
      title={name}
      heading={<span className="tm-row">{name} {container.data && <ProtectionLabel state={container.data.protection.state} />}</span>}
      description={container.data?.protection.sentence}
      crumbs={crumbs}
      actions={actions}
    >
      <div className="tm-stack">
        <PointsCard points={points} onRestore={mayRestore ? (point) => setDialog({ kind: 'restore', point }) : undefined} onBackup={mayBackup ? () => setDialog({ kind: 'backup' }) : undefined} />
        <Loaded resource={container}>{(data) => <ContainerSummary container={data} />}</Loaded>
        <RecentJobs name={name} />
      </div>
      {dialog?.kind === 'backup' && <BackupModal container={name} onClose={close} onBegun={begun} />}
      {dialog?.kind === 'verify' && <VerifyModal container={name} points={all} onClose={close} onBegun={begun} />}
      {dialog?.kind === 'restore' && container.data && (
        <RestoreModal container={container.data} points={all} point={dialog.point} onClose={close} />
      )}
      {dialog?.kind === 'remove' && (
        <ConfirmModal
          title={`Remove ${name}?`}
          text="The appliance forgets this container. Its images, and its recovery points on the targets, stay where they are."
          submit="Remove"
          onConfirm={() => api.delete(path)}
          onClose={close}
          onDone={() => navigate('/containers')}
        />
      )}
    </PageFrame>
  );
}
