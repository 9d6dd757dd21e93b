import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EMPTY_TARGET, isComplete, targetOf, type TargetForm } from './targetForm';

const s3: TargetForm = { ...EMPTY_TARGET, name: 'offsite', kind: 'S3', bucket: ' backups ', accessKey: 'a', secretKey: 's' };

/** As it leaves the browser: what is undefined is not there. */
const sent = (form: TargetForm): unknown => JSON.parse(JSON.stringify(targetOf(form)));

test('a folder has nothing of a store', () => {
  assert.deepEqual(sent({ ...s3, kind: 'LOCAL', path: '/mnt/vault' }), { name: 'offsite', kind: 'LOCAL', local: { path: '/mnt/vault' } });
});

test('what was not filled in is left to the appliance', () => {
  assert.deepEqual(sent(s3), { name: 'offsite', kind: 'S3', s3: { bucket: 'backups', credentials: { source: 'CATALOGUE', accessKey: 'a', secretKey: 's' } } });
});

test('a secret goes along only where it is kept here', () => {
  assert.deepEqual(targetOf({ ...s3, source: 'ENVIRONMENT' }).s3?.credentials, { source: 'ENVIRONMENT' });
  assert.deepEqual(targetOf({ ...s3, source: 'FILE', file: '/etc/keys' }).s3?.credentials, { source: 'FILE', file: '/etc/keys', profile: undefined });
});

const nfs: TargetForm = { ...EMPTY_TARGET, name: 'nas', kind: 'NFS', server: ' nas ', exportPath: '/srv/my backups' };

test('an NFS folder is one address', () => {
  assert.deepEqual(sent(nfs), { name: 'nas', kind: 'NFS', nfs: { address: 'nfs://nas/srv/my%20backups' } });
  assert.deepEqual(targetOf({ ...nfs, uid: '1000', gid: ' 100' }).nfs?.address, 'nfs://nas/srv/my%20backups?uid=1000&gid=100');
});

test('complete means that the appliance can try', () => {
  assert.equal(isComplete(EMPTY_TARGET), false);
  assert.equal(isComplete({ ...EMPTY_TARGET, path: '/mnt/vault' }), true);
  assert.equal(isComplete(nfs), true);
  assert.equal(isComplete({ ...nfs, exportPath: 'srv' }), false);
  assert.equal(isComplete({ ...nfs, uid: 'root' }), false);
  assert.equal(isComplete(s3), true);
  assert.equal(isComplete({ ...s3, secretKey: '' }), false);
  assert.equal(isComplete({ ...s3, secretKey: '', source: 'ENVIRONMENT' }), true);
});
