import type { ChecksumMode, CredentialSource, NewTarget } from '../api/types';

/** What the dialog holds: every field of both kinds, so that switching back and forth loses nothing. */
export interface TargetForm {
  name: string;
  kind: 'LOCAL' | 'S3';
  path: string;
  endpoint: string;
  region: string;
  bucket: string;
  prefix: string;
  /** Empty: what is usual for such a store. */
  addressing: '' | 'path' | 'host';
  checksumMode: '' | ChecksumMode;
  caCertificate: string;
  source: CredentialSource;
  accessKey: string;
  secretKey: string;
  file: string;
  profile: string;
}

export const EMPTY_TARGET: TargetForm = {
  name: '', kind: 'LOCAL', path: '', endpoint: '', region: '', bucket: '', prefix: '', addressing: '', checksumMode: '',
  caCertificate: '', source: 'CATALOGUE', accessKey: '', secretKey: '', file: '', profile: '',
};

/** An empty field is a field that is not there. */
function given(value: string): string | undefined {
  return value.trim() === '' ? undefined : value.trim();
}

export function targetOf(form: TargetForm): NewTarget {
  if (form.kind === 'LOCAL') {
    return { name: form.name, kind: 'LOCAL', local: { path: form.path.trim() } };
  }
  const credentials =
    form.source === 'CATALOGUE'
      ? { source: form.source, accessKey: given(form.accessKey), secretKey: given(form.secretKey) }
      : form.source === 'FILE'
        ? { source: form.source, file: given(form.file), profile: given(form.profile) }
        : { source: form.source };
  return {
    name: form.name,
    kind: 'S3',
    s3: {
      endpoint: given(form.endpoint),
      region: given(form.region),
      bucket: form.bucket.trim(),
      prefix: given(form.prefix),
      pathStyle: form.addressing === '' ? undefined : form.addressing === 'path',
      checksumMode: form.checksumMode || undefined,
      caCertificate: given(form.caCertificate),
      credentials,
    },
  };
}

export function isComplete(form: TargetForm): boolean {
  return form.kind === 'LOCAL' ? form.path.trim() !== '' : form.bucket.trim() !== '' && (form.source !== 'CATALOGUE' || (form.accessKey !== '' && form.secretKey !== ''));
}
