import { Alert, AlertActionLink, List, ListItem } from '@patternfly/react-core';
import type { Problem } from '../api/types';

/** What went wrong, in the appliance's own words. */
export function ProblemAlert({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <Alert
      isInline
      variant="danger"
      title={problem.title}
      actionLinks={onRetry && <AlertActionLink onClick={onRetry}>Try again</AlertActionLink>}
    >
      {problem.detail}
      {problem.errors && problem.errors.length > 0 && (
        <List>
          {problem.errors.map((error) => (
            <ListItem key={error.field + error.message}>
              {error.field}: {error.message}
            </ListItem>
          ))}
        </List>
      )}
    </Alert>
  );
}
