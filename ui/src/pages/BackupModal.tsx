import { FormGroup, FormSelect, FormSelectOption } from '@patternfly/react-core';
import { useState } from 'react';
import { Link } from 'react-router-dom';
import { api, listAll } from '../api/client';
import type { Job, Target } from '../api/types';
import { FormModal } from '../components/FormModal';
import { Loaded } from '../components/Loaded';
import { useResource } from '../live/useResource';

interface Props {
  container: string;
  onClose: () => void;
  onBegun: (job: Job) => void;
}

export function BackupModal({ container, onClose, onBegun }: Props) {
  const targets = useResource('targets', () => listAll<Target>('/targets'));
  const [picked, setPicked] = useState<string>();
  const target = picked ?? targets.data?.[0]?.name;
  const begin = async () => onBegun(await api.post<Job>('/jobs', { kind: 'BACKUP', container, target }));
  return (
    <FormModal
      title={`Back up ${container} now`}
      description="The container goes on running; its file system is held for some milliseconds."
      submit="Back up"
      size="small"
      ready={target !== undefined}
      onSubmit={begin}
      onClose={onClose}
    >
      <Loaded resource={targets}>
        {(data) =>
          data.length === 0 ? (
            <p>There is no target yet. <Link to="/targets?add">Add one first</Link>.</p>
          ) : (
            <FormGroup label="Target" fieldId="backup-target">
              <FormSelect id="backup-target" value={target} onChange={(_, next) => setPicked(next)}>
                {data.map((item) => <FormSelectOption key={item.name} value={item.name} label={`${item.name} (${item.address})`} />)}
              </FormSelect>
            </FormGroup>
          )
        }
      </Loaded>
    </FormModal>
  );
}
