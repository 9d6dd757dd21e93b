import type { Grade, JobKind, JobState, PointMode, ProtectionState } from '../api/types';

export const PROTECTION: Record<ProtectionState, string> = {
  SAFE: 'Safe',
  AWAITED: 'First backup awaited',
  LATE: 'Late',
  FAILING: 'Failing',
  UNPROTECTED: 'Unprotected',
  RUNNING: 'Backing up',
};

export const JOB_KIND: Record<JobKind, string> = { BACKUP: 'Backup', RESTORE: 'Restore', VERIFY: 'Verify', SNAPSHOT_DELETE: 'Delete snapshot', SNAPSHOT_MERGE: 'Merge snapshot', MIGRATE: 'Move', ARRIVE: 'Start after a move', REPLICATE: 'Replicate' };

export const JOB_STATE: Record<JobState, string> = {
  QUEUED: 'Waiting',
  RUNNING: 'Running',
  SUCCEEDED: 'Done',
  FAILED: 'Failed',
  CANCELLED: 'Cancelled',
};

export const GRADE: Record<Grade, string> = { APPLICATION: 'Application', FILESYSTEM: 'File system', CRASH: 'Crash' };

export const GRADE_MEANING: Record<Grade, string> = {
  APPLICATION: 'the application had put its data in order and the file system was frozen',
  FILESYSTEM: 'the file system was frozen: nothing has to be repaired at the next mount',
  CRASH: 'as after pulling the plug: the journal is replayed at the next mount',
};

export const MODE: Record<PointMode, string> = { FULL: 'Full', INCREMENTAL: 'Incremental' };

export const CAUSE: Record<'MANUAL' | 'SCHEDULE' | 'RECOVERY', string> = {
  MANUAL: 'started by hand',
  SCHEDULE: 'by a policy',
  RECOVERY: 'again after a restart',
};
