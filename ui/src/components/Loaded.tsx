import { Skeleton } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import type { Resource } from '../live/useResource';
import { ProblemAlert } from './ProblemAlert';

/** Shows what was loaded; before that a placeholder, and above it what went wrong at the last attempt. */
export function Loaded<T>({ resource, children }: { resource: Resource<T>; children: (data: T) => ReactNode }) {
  return (
    <>
      {resource.problem && <ProblemAlert problem={resource.problem} onRetry={resource.reload} />}
      {resource.data !== undefined && children(resource.data)}
      {resource.data === undefined && !resource.problem && (
        <div aria-busy="true">
          <Skeleton width="60%" screenreaderText="Loading" />
          <br />
          <Skeleton width="80%" />
          <br />
          <Skeleton width="45%" />
        </div>
      )}
    </>
  );
}
