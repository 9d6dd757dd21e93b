import { Button, FormGroup, Radio } from '@patternfly/react-core';
import { useState } from 'react';
import { api } from '../api/client';
import type { Problem, Target, TargetTest } from '../api/types';
import { Field, nameError } from '../components/Field';
import { FormModal } from '../components/FormModal';
import { ProblemAlert } from '../components/ProblemAlert';
import { Reveal } from '../components/Reveal';
import { problemOf } from '../live/useResource';
import { NfsFields } from './NfsFields';
import { S3Fields } from './S3Fields';
import { EMPTY_TARGET, isComplete, targetOf, type TargetForm } from './targetForm';
import { TestSteps } from './TestSteps';

export function AddTargetModal({ onClose, onAdded }: { onClose: () => void; onAdded: () => void }) {
  const [form, setForm] = useState<TargetForm>(EMPTY_TARGET);
  const [test, setTest] = useState<TargetTest>();
  const [problem, setProblem] = useState<Problem>();
  const [testing, setTesting] = useState(false);
  const change = (part: Partial<TargetForm>) => {
    setForm((before) => ({ ...before, ...part }));
    if (!('name' in part)) {
      setTest(undefined);
    }
    setProblem(undefined);
  };
  const ready = form.name !== '' && !nameError(form.name) && isComplete(form);
  const runTest = async () => {
    setTesting(true);
    setTest(undefined);
    setProblem(undefined);
    try {
      setTest(await api.post<TargetTest>('/targets/test', targetOf(form)));
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setTesting(false);
    }
  };
  const save = async () => {
    await api.post<Target>('/targets', targetOf(form));
    onAdded();
  };
  return (
    <FormModal
      title="Add a target"
      description="A repository is made there, or opened if there is one."
      submit="Add target"
      ready={ready && !testing}
      onSubmit={save}
      onClose={onClose}
      extra={<Button variant="secondary" isDisabled={!ready || testing} isLoading={testing} onClick={runTest}>Test the connection</Button>}
    >
      <FormGroup role="radiogroup" label="Kind" isInline fieldId="kind">
        <Radio id="kind-local" name="kind" label="Folder" isChecked={form.kind === 'LOCAL'} onChange={() => change({ kind: 'LOCAL' })} />
        <Radio id="kind-nfs" name="kind" label="NFS" isChecked={form.kind === 'NFS'} onChange={() => change({ kind: 'NFS' })} />
        <Radio id="kind-s3" name="kind" label="S3" isChecked={form.kind === 'S3'} onChange={() => change({ kind: 'S3' })} />
      </FormGroup>
      <Field id="name" label="Name" value={form.name} onChange={(name) => change({ name })} error={nameError(form.name)} placeholder="vault" required autoFocus />
      {form.kind === 'LOCAL' ? (
        <Field id="path" label="Folder" value={form.path} onChange={(path) => change({ path })} placeholder="/mnt/vault" help="On the appliance's host, best on another disk than the images. A share that is mounted there is a folder, too." required />
      ) : form.kind === 'NFS' ? (
        <NfsFields form={form} change={change} />
      ) : (
        <S3Fields form={form} change={change} />
      )}
      {problem && <Reveal><ProblemAlert problem={problem} /></Reveal>}
      {test && <Reveal><TestSteps test={test} /></Reveal>}
    </FormModal>
  );
}
