import { Button, Checkbox, Label } from '@patternfly/react-core';
import ServerIcon from '@patternfly/react-icons/dist/esm/icons/server-icon';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import { Link } from 'react-router-dom';
import { api, at, listAll } from '../api/client';
import type { Device } from '../api/types';
import { ConfirmModal } from '../components/ConfirmModal';
import { Empty } from '../components/Empty';
import { Field } from '../components/Field';
import { FormModal } from '../components/FormModal';
import { Loaded } from '../components/Loaded';
import { Menu } from '../components/Menu';
import { PageFrame } from '../components/PageFrame';
import { useAddDialog } from '../components/useDialog';
import { bytes } from '../format/bytes';
import { useMay } from '../live/session';
import { useResource } from '../live/useResource';

function AttachModal({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [image, setImage] = useState('');
  const [mount, setMount] = useState('');
  const [readOnly, setReadOnly] = useState(false);
  const attach = async () => {
    await api.post('/devices', { image, readOnly, ...(mount === '' ? {} : { mount }) });
    onClose();
    onDone();
  };
  return (
    <FormModal title="Attach an image" description="Makes a block device of it; its changes are tracked from then on." submit="Attach" size="small" ready={image !== ''} onSubmit={attach} onClose={onClose}>
      <Field id="image" label="Image" value={image} onChange={setImage} placeholder="/srv/ct/web" required autoFocus />
      <Field id="mount" label="Mount at" value={mount} onChange={setMount} placeholder="/srv/root/web" help="Empty to attach it only." />
      <Checkbox id="read-only" label="Read-only" isChecked={readOnly} onChange={(_, on) => setReadOnly(on)} />
    </FormModal>
  );
}

function Devices({ devices, onDetach }: { devices: Device[]; onDetach?: (device: Device) => void }) {
  return (
    <Table aria-label="Devices">
      <Thead>
        <Tr>
          <Th>Device</Th>
          <Th>Image</Th>
          <Th>State</Th>
          <Th>Mounted at</Th>
          <Th>Container</Th>
          <Th>Size</Th>
          <Th screenReaderText="Actions" />
        </Tr>
      </Thead>
      <Tbody>
        {devices.map((device) => (
          <Tr key={device.deviceId}>
            <Td dataLabel="Device" className="tm-mono">{device.blockDevice ?? device.deviceId}</Td>
            <Td dataLabel="Image" className="tm-mono">{device.image}</Td>
            <Td dataLabel="State">
              <span className="tm-row">
                <Label color={device.trouble ? 'red' : 'green'}>{device.state.toLowerCase()}</Label>
                {device.readOnly && <Label variant="outline">read-only</Label>}
              </span>
              {device.trouble && <div>{device.trouble}</div>}
            </Td>
            <Td dataLabel="Mounted at" className="tm-mono">{device.mountPoint}</Td>
            <Td dataLabel="Container">{device.container && <Link to={at('containers', device.container)}>{device.container}</Link>}</Td>
            <Td dataLabel="Size" modifier="nowrap">{bytes(device.sizeBytes)}</Td>
            <Td isActionCell>{onDetach && <Menu label={`Actions for ${device.image}`} actions={[{ text: 'Detach', run: () => onDetach(device), danger: true }]} />}</Td>
          </Tr>
        ))}
      </Tbody>
    </Table>
  );
}

export function DevicesPage() {
  const devices = useResource('devices', () => listAll<Device>('/devices'));
  const [attaching, attach, close] = useAddDialog();
  const [detaching, setDetaching] = useState<Device>();
  const mayAll = useMay('admin');
  const button = mayAll && <Button onClick={attach}>Attach image</Button>;
  return (
    <PageFrame title="Devices" description="Images that are attached: block devices of this host whose changes are tracked." actions={Boolean(devices.data?.length) && button}>
      <Loaded resource={devices}>
        {(data) =>
          data.length === 0 ? (
            <Empty title="Nothing is attached" icon={ServerIcon} action={button}>
              Attach an image to get a block device and have its changes tracked. An image that is not attached can be backed up too; it is read as a whole then.
            </Empty>
          ) : (
            <Devices devices={data} onDetach={mayAll ? setDetaching : undefined} />
          )
        }
      </Loaded>
      {attaching && <AttachModal onClose={close} onDone={devices.reload} />}
      {detaching && (
        <ConfirmModal
          title={`Detach ${detaching.image}?`}
          text={detaching.mountPoint ? `${detaching.mountPoint} is unmounted first. That fails, and nothing happens, while something uses it.` : 'That fails, and nothing happens, while something uses it.'}
          submit="Detach"
          onConfirm={() => api.delete(at('devices', detaching.deviceId))}
          onClose={() => setDetaching(undefined)}
          onDone={devices.reload}
        />
      )}
    </PageFrame>
  );
}
