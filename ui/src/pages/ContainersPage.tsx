import { Button } from '@patternfly/react-core';
import CubesIcon from '@patternfly/react-icons/dist/esm/icons/cubes-icon';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { Link, useNavigate } from 'react-router-dom';
import { at, listAll } from '../api/client';
import type { Container, ProtectionState } from '../api/types';
import { Ago } from '../components/Ago';
import { Empty } from '../components/Empty';
import { ProtectionLabel } from '../components/labels';
import { Loaded } from '../components/Loaded';
import { PageFrame } from '../components/PageFrame';
import { useAddDialog } from '../components/useDialog';
import { bytes } from '../format/bytes';
import { useMay } from '../live/session';
import { useResource } from '../live/useResource';
import { AddContainerModal } from './AddContainerModal';

/** What is worst comes first. */
const ORDER: ProtectionState[] = ['FAILING', 'LATE', 'UNPROTECTED', 'AWAITED', 'RUNNING', 'SAFE'];

function byWorst(a: Container, b: Container): number {
  return ORDER.indexOf(a.protection.state) - ORDER.indexOf(b.protection.state) || a.name.localeCompare(b.name);
}

function Containers({ containers }: { containers: Container[] }) {
  return (
    <Table aria-label="Containers">
      <Thead>
        <Tr>
          <Th>Container</Th>
          <Th width={30}>Protection</Th>
          <Th>Newest point</Th>
          <Th>Policies</Th>
          <Th>Next backup</Th>
          <Th>Size</Th>
        </Tr>
      </Thead>
      <Tbody>
        {[...containers].sort(byWorst).map((container) => (
          <Tr key={container.name}>
            <Td dataLabel="Container"><Link to={at('containers', container.name)}>{container.name}</Link></Td>
            <Td dataLabel="Protection">
              <ProtectionLabel state={container.protection.state} />
              {['FAILING', 'LATE'].includes(container.protection.state) && <div className="tm-subtle">{container.protection.sentence}</div>}
            </Td>
            <Td dataLabel="Newest recovery point"><Ago at={container.protection.newestPointAt} none="none" /></Td>
            <Td dataLabel="Policies">{container.policies.join(', ') || <span className="tm-subtle">none</span>}</Td>
            <Td dataLabel="Next backup"><Ago at={container.protection.nextRunAt} none="not planned" planned /></Td>
            <Td dataLabel="Size" modifier="nowrap">{bytes(container.images.reduce((sum, image) => sum + (image.sizeBytes ?? 0), 0))}</Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

export function ContainersPage() {
  const containers = useResource('containers', () => listAll<Container>('/containers'));
  const [adding, add, close] = useAddDialog();
  const navigate = useNavigate();
  const button = useMay('admin') && <Button onClick={add}>Add container</Button>;
  return (
    <PageFrame title="Containers" description="What is backed up: each with its images, all of one instant." actions={Boolean(containers.data?.length) && button}>
      <Loaded resource={containers}>
        {(data) =>
          data.length === 0 ? (
            <Empty title="No container yet" icon={CubesIcon} action={button}>
              Add one by its image, its mount point or its runc id. What is found is shown before anything is saved.
            </Empty>
          ) : (
            <Containers containers={data} />
          )
        }
      </Loaded>
      {adding && <AddContainerModal onClose={close} onAdded={(name) => navigate(at('containers', name))} />}
    </PageFrame>
  );
}
