import { Alert, ProgressStep, ProgressStepper } from '@patternfly/react-core';
import type { TargetTest } from '../api/types';
import { SingleWriter } from './TargetsPage';

/** A connection test, step by step. */
export function TestSteps({ test }: { test: TargetTest }) {
  // Usually the step that failed has said it already.
  const more = test.steps.some((step) => step.detail === test.error?.detail) ? undefined : test.error?.detail;
  return (
    <div className="tm-stack" data-testid="connection-test">
      <ProgressStepper isVertical aria-label="Connection test">
        {test.steps.map((step, i) => (
          <ProgressStep
            key={step.name}
            id={`step-${i}`}
            titleId={`step-title-${i}`}
            variant={step.ok ? 'success' : 'danger'}
            aria-label={`${step.name}: ${step.ok ? 'ok' : 'failed'}`}
            description={[step.detail, step.millis ? `${step.millis} ms` : undefined].filter(Boolean).join(', ')}
          >
            {step.name}
          </ProgressStep>
        ))}
      </ProgressStepper>
      {test.ok && <Alert isInline variant="success" title="The connection works" />}
      {test.error && <Alert isInline variant="danger" title={test.error.title}>{more}</Alert>}
      {test.singleWriter && <SingleWriter notice={test.notice} />}
      {!test.singleWriter && test.notice && <Alert isInline variant="info" title={test.notice} />}
    </div>
  );
}
