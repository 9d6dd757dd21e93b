import { Label, Tooltip, type LabelProps } from '@patternfly/react-core';
import BanIcon from '@patternfly/react-icons/dist/esm/icons/ban-icon';
import CheckCircleIcon from '@patternfly/react-icons/dist/esm/icons/check-circle-icon';
import ClockIcon from '@patternfly/react-icons/dist/esm/icons/clock-icon';
import ExclamationCircleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon';
import ExclamationTriangleIcon from '@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon';
import OutlinedQuestionCircleIcon from '@patternfly/react-icons/dist/esm/icons/outlined-question-circle-icon';
import SyncAltIcon from '@patternfly/react-icons/dist/esm/icons/sync-alt-icon';
import type { ReactNode } from 'react';
import type { Grade, JobState, ProtectionState } from '../api/types';
import { GRADE, GRADE_MEANING, JOB_STATE, PROTECTION } from '../format/words';

type Look = { color: LabelProps['color']; icon: ReactNode };

const PROTECTION_LOOK: Record<ProtectionState, Look> = {
  SAFE: { color: 'green', icon: <CheckCircleIcon /> },
  RUNNING: { color: 'blue', icon: <SyncAltIcon /> },
  AWAITED: { color: 'blue', icon: <ClockIcon /> },
  LATE: { color: 'orange', icon: <ExclamationTriangleIcon /> },
  FAILING: { color: 'red', icon: <ExclamationCircleIcon /> },
  UNPROTECTED: { color: 'grey', icon: <OutlinedQuestionCircleIcon /> },
};

const JOB_LOOK: Record<JobState, Look> = {
  QUEUED: { color: 'grey', icon: <ClockIcon /> },
  RUNNING: { color: 'blue', icon: <SyncAltIcon /> },
  SUCCEEDED: { color: 'green', icon: <CheckCircleIcon /> },
  FAILED: { color: 'red', icon: <ExclamationCircleIcon /> },
  CANCELLED: { color: 'grey', icon: <BanIcon /> },
};

export function ProtectionLabel({ state }: { state: ProtectionState }) {
  return <Label {...PROTECTION_LOOK[state]}>{PROTECTION[state]}</Label>;
}

export function JobStateLabel({ state }: { state: JobState }) {
  return <Label {...JOB_LOOK[state]}>{JOB_STATE[state]}</Label>;
}

export function GradeLabel({ grade }: { grade: Grade }) {
  return (
    <Tooltip content={GRADE_MEANING[grade]}>
      <Label variant="outline" color={grade === 'CRASH' ? 'orange' : 'teal'} tabIndex={0}>
        {GRADE[grade]}
      </Label>
    </Tooltip>
  );
}
