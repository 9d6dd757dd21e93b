import { Checkbox, ExpandableSection, FormGroup, FormSelect, FormSelectOption, Radio } from '@patternfly/react-core';
import { useEffect, useState } from 'react';
import { Link } from 'react-router-dom';
import { api, at, listAll } from '../api/client';
import type { Container, Policy, Target } from '../api/types';
import { Field, nameError } from '../components/Field';
import { FormModal } from '../components/FormModal';
import { Loaded } from '../components/Loaded';
import { useResource } from '../live/useResource';
import { PolicyPreviewBox } from './PolicyPreviewBox';
import { emptyForm, formOf, isReady, KEEP_RULES, policyOf, retentionOf, scheduleOf, type KeepRule, type PolicyForm } from './policyForm';
import './policy.css';

interface Props {
  policy?: Policy;
  onClose: () => void;
  onSaved: () => void;
}

interface PartProps {
  form: PolicyForm;
  change: (part: Partial<PolicyForm>) => void;
}

const KEEP_LABELS: Record<KeepRule, string> = { last: 'Newest', hourly: 'Hourly', daily: 'Daily', weekly: 'Weekly', monthly: 'Monthly', yearly: 'Yearly' };

function What({ form, change }: PartProps) {
  const containers = useResource('containers', () => listAll<Container>('/containers'));
  const targets = useResource('targets', () => listAll<Target>('/targets'));
  const first = targets.data?.[0]?.name;
  useEffect(() => {
    if (form.target === '' && first) {
      change({ target: first });
    }
  });
  const toggle = (name: string, on: boolean) => change({ containers: on ? [...form.containers, name] : form.containers.filter((other) => other !== name) });
  return (
    <>
      <FormGroup role="group" label="Containers" fieldId="containers" isRequired>
        <Loaded resource={containers}>
          {(data) => (
            <div className="tm-checks">
              {data.map(({ name }) => <Checkbox key={name} id={`container-${name}`} label={name} isChecked={form.containers.includes(name)} onChange={(_, on) => toggle(name, on)} />)}
              {data.length === 0 && <span>There is none yet. <Link to="/containers?add">Add one first</Link>.</span>}
            </div>
          )}
        </Loaded>
      </FormGroup>
      <FormGroup label="Target" fieldId="target" isRequired>
        <Loaded resource={targets}>
          {(data) =>
            data.length === 0 ? (
              <span>There is none yet. <Link to="/targets?add">Add one first</Link>.</span>
            ) : (
              <FormSelect id="target" value={form.target} onChange={(_, target) => change({ target })}>
                {data.map((target) => <FormSelectOption key={target.name} value={target.name} label={`${target.name} (${target.address})`} />)}
              </FormSelect>
            )
          }
        </Loaded>
      </FormGroup>
    </>
  );
}

function When({ form, change }: PartProps) {
  return (
    <>
      <FormGroup role="radiogroup" label="When" isInline fieldId="when">
        <Radio id="when-every" name="when" label="Every so many minutes" isChecked={form.kind === 'EVERY'} onChange={() => change({ kind: 'EVERY' })} />
        <Radio id="when-cron" name="when" label="At set times (cron)" isChecked={form.kind === 'CRON'} onChange={() => change({ kind: 'CRON' })} />
      </FormGroup>
      {form.kind === 'EVERY' ? (
        <Field id="minutes" label="Minutes" type="number" value={form.minutes} onChange={(minutes) => change({ minutes })} required />
      ) : (
        <div className="tm-pair">
          <Field id="cron" label="Cron" value={form.cron} onChange={(cron) => change({ cron })} help="Minute, hour, day of month, month, day of week." required />
          <Field id="zone" label="Time zone" value={form.zone} onChange={(zone) => change({ zone })} required />
        </div>
      )}
      <ExpandableSection toggleText="More about when">
        <div className="tm-stack">
          <Field id="jitter" label="Spread over seconds" type="number" value={form.jitterSeconds} onChange={(jitterSeconds) => change({ jitterSeconds })} help="So that many containers do not begin at the same moment." />
          <Checkbox id="missed" label="Make up for a run that was missed" description="Once, when the appliance is up again." isChecked={form.missed === 'RUN_ONCE'} onChange={(_, on) => change({ missed: on ? 'RUN_ONCE' : 'SKIP' })} />
        </div>
      </ExpandableSection>
    </>
  );
}

function Keep({ form, change }: PartProps) {
  return (
    <FormGroup role="group" label="Keep this many" fieldId="keep">
      <div className="tm-keep">
        {KEEP_RULES.map((rule) => (
          <Field key={rule} id={`keep-${rule}`} label={KEEP_LABELS[rule]} type="number" value={form.keep[rule]} onChange={(value) => change({ keep: { ...form.keep, [rule]: value } })} />
        ))}
        <Field id="within" label="All of, days" type="number" value={form.withinDays} onChange={(withinDays) => change({ withinDays })} />
      </div>
    </FormGroup>
  );
}

export function PolicyModal({ policy, onClose, onSaved }: Props) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const [form, setForm] = useState(() => (policy ? formOf(policy, zone) : emptyForm(zone)));
  const change = (part: Partial<PolicyForm>) => setForm((before) => ({ ...before, ...part }));
  const save = async () => {
    await (policy ? api.put(at('policies', policy.name), policyOf(form)) : api.post('/policies', policyOf(form)));
    onSaved();
  };
  return (
    <FormModal title={policy ? `Edit ${policy.name}` : 'Create a policy'} submit={policy ? 'Save' : 'Create policy'} size="large" ready={isReady(form) && !nameError(form.name)} onSubmit={save} onClose={onClose}>
      {!policy && <Field id="name" label="Name" value={form.name} onChange={(name) => change({ name })} error={nameError(form.name)} placeholder="every-quarter-hour" required autoFocus />}
      <What form={form} change={change} />
      <When form={form} change={change} />
      <Keep form={form} change={change} />
      <PolicyPreviewBox schedule={scheduleOf(form)} retention={retentionOf(form)} />
    </FormModal>
  );
}
