import { Button, Form } from '@patternfly/react-core';
import { useState, type FormEvent } from 'react';
import { api } from '../api/client';
import type { Problem, Session } from '../api/types';
import { Field } from '../components/Field';
import { ProblemAlert } from '../components/ProblemAlert';
import { problemOf } from '../live/useResource';
import { Door } from './Door';

export function LoginPage({ onEntered }: { onEntered: (session: Session) => void }) {
  const [userName, setUserName] = useState('');
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const signIn = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      onEntered(await api.post<Session>('/session', { userName, password }));
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Door title="Sign in">
      <Form onSubmit={signIn}>
        <Field id="user-name" label="User name" value={userName} onChange={setUserName} required autoFocus autoComplete="username" />
        <Field id="password" label="Password" type="password" value={password} onChange={setPassword} required autoComplete="current-password" />
        {problem && <ProblemAlert problem={problem} />}
        <Button type="submit" isBlock isLoading={busy} isDisabled={busy || userName === '' || password === ''}>
          Sign in
        </Button>
      </Form>
    </Door>
  );
}
