import { Card, CardBody } from '@patternfly/react-core';
import { Link } from 'react-router-dom';
import type { Overview } from '../api/types';

/** What to do on a new appliance, in the order in which it works. */
export function FirstSteps({ overview }: { overview: Overview }) {
  const steps = [
    { title: 'Add a target', to: '/targets?add', text: 'Where backups go: a folder on another disk, or a bucket of any S3 store. The connection is tested before it is saved.', done: overview.targets.total > 0 },
    { title: 'Add a container', to: '/containers?add', text: 'By its image, its mount point or its runc id. Its changes are tracked from then on.', done: overview.containers.total > 0 },
    { title: 'Make a policy', to: '/policies?add', text: 'How often, where to, and how long to keep. The first backup ships everything once, later ones what changed.', done: false },
  ];
  return (
    <ol className="tm-steps">
      {steps.map((step, i) => (
        <li key={step.title}>
          <Card isFullHeight>
            <CardBody>
              <span className={`tm-step-number${step.done ? ' tm-step-done' : ''}`} aria-hidden="true">{step.done ? '✓' : i + 1}</span>
              <h3><Link to={step.to}>{step.title}</Link>{step.done && ' (done)'}</h3>
              <p className="tm-subtle">{step.text}</p>
            </CardBody>
          </Card>
        </li>
      ))}
    </ol>
  );
}
