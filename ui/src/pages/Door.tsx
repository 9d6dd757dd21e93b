import { Card, CardBody, CardTitle } from '@patternfly/react-core';
import { useEffect, type ReactNode } from 'react';
import { Logo } from '../components/Logo';
import { Tide } from '../components/Tide';

/** What is seen before one is in. */
export function Door({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Tidemark`;
  }, [title]);
  return (
    <div className="tm-door">
      <main className="tm-door-card">
        <div className="tm-door-brand">
          <Logo size={48} /> Tidemark
        </div>
        <Card>
          <CardTitle component="h1">{title}</CardTitle>
          <CardBody>{children}</CardBody>
        </Card>
      </main>
      <Tide className="tm-door-tide" />
    </div>
  );
}
