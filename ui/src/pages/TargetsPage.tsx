import { Alert, Button, Card, CardBody, CardHeader, CardTitle, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, Gallery, Label } from '@patternfly/react-core';
import DatabaseIcon from '@patternfly/react-icons/dist/esm/icons/database-icon';
import { useState } from 'react';
import { api, at, listAll } from '../api/client';
import type { Problem, Target, TargetTest } from '../api/types';
import { Ago } from '../components/Ago';
import { ConfirmModal } from '../components/ConfirmModal';
import { Empty } from '../components/Empty';
import { Loaded } from '../components/Loaded';
import { Menu } from '../components/Menu';
import { PageFrame } from '../components/PageFrame';
import { ProblemAlert } from '../components/ProblemAlert';
import { useAddDialog } from '../components/useDialog';
import { useMay } from '../live/session';
import { problemOf, useResource } from '../live/useResource';
import { AddTargetModal } from './AddTargetModal';
import { TestSteps } from './TestSteps';

function TargetCard({ target, onRemove }: { target: Target; onRemove?: () => void }) {
  const [test, setTest] = useState<TargetTest>();
  const [problem, setProblem] = useState<Problem>();
  const reachable = target.status?.reachable ?? true;
  const run = async () => {
    setTest(undefined);
    setProblem(undefined);
    try {
      setTest(await api.post<TargetTest>(`${at('targets', target.name)}/test`));
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const actions = onRemove && [
    { text: 'Test the connection', run },
    { text: 'Remove', run: onRemove, danger: true },
  ];
  return (
    <Card>
      <CardHeader actions={actions && { actions: <Menu label={`Actions for ${target.name}`} actions={actions} />, hasNoOffset: true }}>
        <CardTitle component="h2">
          <span className="tm-row">
            {target.name} <Label color={reachable ? 'green' : 'red'}>{reachable ? 'Reachable' : 'Not reachable'}</Label>
            {target.replicaOf && <Label color="blue">Replica of {target.replicaOf}</Label>}
          </span>
        </CardTitle>
      </CardHeader>
      <CardBody className="tm-stack">
        <DescriptionList isHorizontal isCompact>
          <DescriptionListGroup>
            <DescriptionListTerm>{target.kind === 'S3' ? 'Bucket' : 'Folder'}</DescriptionListTerm>
            <DescriptionListDescription className="tm-mono">{target.address}</DescriptionListDescription>
          </DescriptionListGroup>
          {target.s3?.endpoint && (
            <DescriptionListGroup>
              <DescriptionListTerm>Endpoint</DescriptionListTerm>
              <DescriptionListDescription className="tm-mono">{target.s3.endpoint}</DescriptionListDescription>
            </DescriptionListGroup>
          )}
          <DescriptionListGroup>
            <DescriptionListTerm>Jobs at a time</DescriptionListTerm>
            <DescriptionListDescription>{target.maxJobs ?? 'no limit of its own'}</DescriptionListDescription>
          </DescriptionListGroup>
          <DescriptionListGroup>
            <DescriptionListTerm>Last tested</DescriptionListTerm>
            <DescriptionListDescription><Ago at={target.status?.checkedAt} none="not yet" /></DescriptionListDescription>
          </DescriptionListGroup>
        </DescriptionList>
        {target.status?.error && <Alert isInline variant="danger" title="It cannot be reached">{target.status.error}</Alert>}
        {target.singleWriter && <SingleWriter notice={target.notice} />}
        {problem && <ProblemAlert problem={problem} />}
        {test && <TestSteps test={test} />}
      </CardBody>
    </Card>
  );
}

export function SingleWriter({ notice }: { notice?: string | null }) {
  return (
    <Alert isInline variant="warning" title="Only this appliance may write here">
      {notice ?? 'The store does not keep an object that exists from being written again, so two writers could destroy each other\'s work.'}
    </Alert>
  );
}

export function TargetsPage() {
  const targets = useResource('targets', () => listAll<Target>('/targets'));
  const [adding, add, close] = useAddDialog();
  const [removing, setRemoving] = useState<string>();
  const mayAll = useMay('admin');
  const button = mayAll && <Button onClick={add}>Add target</Button>;
  return (
    <PageFrame title="Targets" description="Where recovery points are kept." actions={Boolean(targets.data?.length) && button}>
      <Loaded resource={targets}>
        {(data) =>
          data.length === 0 ? (
            <Empty title="No target yet" icon={DatabaseIcon} action={button}>
              Add a folder on another disk, or a bucket of any S3 store. The connection is tested before it is saved.
            </Empty>
          ) : (
            <Gallery hasGutter minWidths={{ default: '380px' }}>
              {data.map((target) => (
                <TargetCard key={target.name} target={target} onRemove={mayAll ? () => setRemoving(target.name) : undefined} />
              ))}
            </Gallery>
          )
        }
      </Loaded>
      {adding && (
        <AddTargetModal
          onClose={close}
          onAdded={() => {
            close();
            targets.reload();
          }}
        />
      )}
      {removing && (
        <ConfirmModal
          title={`Remove ${removing}?`}
          text="The appliance forgets this target. Nothing on it is touched; added again, its recovery points are there again."
          submit="Remove"
          onConfirm={() => api.delete(at('targets', removing))}
          onClose={() => setRemoving(undefined)}
          onDone={targets.reload}
        />
      )}
    </PageFrame>
  );
}
