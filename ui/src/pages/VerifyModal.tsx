import { FormGroup, Radio } from '@patternfly/react-core';
import { useState } from 'react';
import { api } from '../api/client';
import type { Job, Point } from '../api/types';
import { FormModal } from '../components/FormModal';
import { exact } from '../format/time';

interface Props {
  container: string;
  points: Point[];
  onClose: () => void;
  onBegun: (job: Job) => void;
}

export function VerifyModal({ container, points, onClose, onBegun }: Props) {
  const [all, setAll] = useState(false);
  const newest = points[0];
  const begin = async () => {
    const part = all ? { target: newest?.target } : { target: newest?.target, point: newest?.pointId };
    onBegun(await api.post<Job>('/jobs', { kind: 'VERIFY', container, ...part }));
  };
  return (
    <FormModal
      title={`Verify ${container}`}
      description="Reads chunks back from the target and compares each with its hash."
      submit="Verify"
      size="small"
      onSubmit={begin}
      onClose={onClose}
    >
      <FormGroup role="radiogroup" fieldId="what">
        <Radio id="verify-newest" name="what" label="The newest recovery point" description={newest && exact(new Date(newest.instant))} isChecked={!all} onChange={() => setAll(false)} />
        <Radio id="verify-all" name="what" label={`All recovery points on ${newest?.target}`} description="What points share is read once." isChecked={all} onChange={() => setAll(true)} />
      </FormGroup>
    </FormModal>
  );
}
