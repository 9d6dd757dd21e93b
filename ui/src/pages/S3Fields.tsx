import { ExpandableSection, FormGroup, FormSelect, FormSelectOption, TextArea } from '@patternfly/react-core';
import type { CredentialSource } from '../api/types';
import { Field, Help } from '../components/Field';
import type { TargetForm } from './targetForm';

interface Props {
  form: TargetForm;
  change: (part: Partial<TargetForm>) => void;
}

function Credentials({ form, change }: Props) {
  return (
    <>
      <FormGroup label="Credentials" fieldId="source">
        <FormSelect id="source" value={form.source} onChange={(_, source) => change({ source: source as CredentialSource })}>
          <FormSelectOption value="CATALOGUE" label="Kept here, encrypted" />
          <FormSelectOption value="ENVIRONMENT" label="From the appliance's environment" />
          <FormSelectOption value="FILE" label="From a credentials file on its host" />
        </FormSelect>
      </FormGroup>
      {form.source === 'CATALOGUE' && (
        <>
          <Field id="access-key" label="Access key" value={form.accessKey} onChange={(accessKey) => change({ accessKey })} required />
          <Field id="secret-key" label="Secret key" type="password" value={form.secretKey} onChange={(secretKey) => change({ secretKey })} autoComplete="new-password" help="Never shown again." required />
        </>
      )}
      {form.source === 'FILE' && (
        <>
          <Field id="file" label="File" value={form.file} onChange={(file) => change({ file })} placeholder="/etc/tidemark/credentials" />
          <Field id="profile" label="Profile" value={form.profile} onChange={(profile) => change({ profile })} placeholder="default" />
        </>
      )}
    </>
  );
}

export function S3Fields({ form, change }: Props) {
  return (
    <>
      <Field id="endpoint" label="Endpoint" value={form.endpoint} onChange={(endpoint) => change({ endpoint })} placeholder="https://s3.example.net" help="Empty for Amazon's own." />
      <Field id="bucket" label="Bucket" value={form.bucket} onChange={(bucket) => change({ bucket })} help="It must exist." required />
      <Field id="prefix" label="Prefix" value={form.prefix} onChange={(prefix) => change({ prefix })} placeholder="host1/" help="Where in the bucket, if not at its root." />
      <Credentials form={form} change={change} />
      <ExpandableSection toggleText="More settings">
        <div className="tm-stack">
          <Field id="region" label="Region" value={form.region} onChange={(region) => change({ region })} placeholder="eu-central-1" />
          <FormGroup label="Where the bucket's name stands" fieldId="addressing">
            <FormSelect id="addressing" value={form.addressing} onChange={(_, addressing) => change({ addressing: addressing as TargetForm['addressing'] })}>
              <FormSelectOption value="" label="Where it usually does with such a store" />
              <FormSelectOption value="path" label="In the path" />
              <FormSelectOption value="host" label="In the host name" />
            </FormSelect>
          </FormGroup>
          <FormGroup label="Checksums" fieldId="checksums">
            <FormSelect id="checksums" value={form.checksumMode} onChange={(_, mode) => change({ checksumMode: mode as TargetForm['checksumMode'] })}>
              <FormSelectOption value="" label="What is usual for such a store" />
              <FormSelectOption value="WHEN_REQUIRED" label="Only where the protocol asks for them" />
              <FormSelectOption value="WHEN_SUPPORTED" label="Wherever possible (newer stores)" />
            </FormSelect>
          </FormGroup>
          <FormGroup label="Certificate of the store's own authority" fieldId="ca">
            <TextArea id="ca" value={form.caCertificate} onChange={(_, caCertificate) => change({ caCertificate })} placeholder="-----BEGIN CERTIFICATE-----" resizeOrientation="vertical" />
            <Help>PEM; only if its certificate was not signed by a public authority.</Help>
          </FormGroup>
        </div>
      </ExpandableSection>
    </>
  );
}
