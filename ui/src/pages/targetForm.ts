import type { ChecksumMode, CredentialSource, NewTarget } from '../api/types';

/** What the dialog holds: every field of every kind, so that switching back and forth loses nothing. */
export interface TargetForm {
  name: string;
  kind: 'LOCAL' | 'NFS' | 'S3';
  path: string;
  server: string;
  exportPath: string;
  /** Empty: the user the appliance runs as. */
  uid: string;
  gid: string;
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
  name: '', kind: 'LOCAL', path: '', server: '', exportPath: '', uid: '', gid: '', endpoint: '', region: '', bucket: '', prefix: '', addressing: '', checksumMode: '',
  caCertificate: '', source: 'CATALOGUE', accessKey: '', secretKey: '', file: '', profile: '',
};

/** An empty field is a field that is not there. */
function given(value: string): string | undefined {
  return value.trim() === '' ? undefined : value.trim();
}

export function nfsAddress(form: TargetForm): string {
  const path = form.exportPath.trim().split('/').map(encodeURIComponent).join('/');
  const options = [['uid', form.uid.trim()], ['gid', form.gid.trim()]].filter(([, value]) => value !== '').map((pair) => pair.join('='));
  return `nfs://${form.server.trim()}${path}${options.length > 0 ? `?${options.join('&')}` : ''}`;
}

const isNumber = (value: string): boolean => /^[0-9]*$/.test(value.trim());

export function targetOf(form: TargetForm): NewTarget {
  if (form.kind === 'LOCAL') {
    return { name: form.name, kind: 'LOCAL', local: { path: form.path.trim() } };
  }
  if (form.kind === 'NFS') {
    return { name: form.name, kind: 'NFS', nfs: { address: nfsAddress(form) } };
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
  switch (form.kind) {
    case 'LOCAL':
      return form.path.trim() !== '';
    case 'NFS':
      return form.server.trim() !== '' && form.exportPath.trim().startsWith('/') && isNumber(form.uid) && isNumber(form.gid);
    case 'S3':
      return form.bucket.trim() !== '' && (form.source !== 'CATALOGUE' || (form.accessKey !== '' && form.secretKey !== ''));
  }
}
