import { Button, Content, Form } from '@patternfly/react-core';
import { useEffect, useState, type FormEvent } from 'react';
import { Link, useSearchParams } from 'react-router-dom';
import { api } from '../api/client';
import type { Problem, Session } from '../api/types';
import { Field } from '../components/Field';
import { ProblemAlert } from '../components/ProblemAlert';
import { problemOf } from '../live/useResource';
import { Door } from './Door';

const SHORTEST_PASSWORD = 12;

/** The first start: the link that the appliance printed leads here, once. */
export function SetUpPage({ onEntered }: { onEntered: (session: Session) => void }) {
  const code = useSearchParams()[0].get('code') ?? '';
  const [needed, setNeeded] = useState<boolean>();
  const [userName, setUserName] = useState('admin');
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    api.get<{ needed: boolean }>('/setup').then((answer) => setNeeded(answer.needed), (error: unknown) => setProblem(problemOf(error)));
  }, []);

  const create = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      onEntered(await api.post<Session>('/setup', { code, userName, password }));
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };

  if (needed === false) {
    return (
      <Door title="Set up already">
        <Content component="p">This appliance has a first user. The link has done its work.</Content>
        <Link to="/">Sign in</Link>
      </Door>
    );
  }
  const differs = again !== '' && again !== password ? 'The two are not the same.' : undefined;
  const tooShort = password !== '' && password.length < SHORTEST_PASSWORD ? `At least ${SHORTEST_PASSWORD} characters.` : undefined;
  return (
    <Door title="Welcome: the first user">
      <Content component="p">This user may do everything. More users, also such that may only look, can be added later.</Content>
      <Form onSubmit={create}>
        <Field id="user-name" label="User name" value={userName} onChange={setUserName} required autoComplete="username" />
        <Field id="password" label="Password" type="password" value={password} onChange={setPassword} required autoFocus autoComplete="new-password" error={tooShort} help={`At least ${SHORTEST_PASSWORD} characters.`} />
        <Field id="password-again" label="Password again" type="password" value={again} onChange={setAgain} required autoComplete="new-password" error={differs} />
        {problem && <ProblemAlert problem={problem} />}
        <Button type="submit" isBlock isLoading={busy} isDisabled={busy || userName === '' || password.length < SHORTEST_PASSWORD || again !== password}>
          Create user and begin
        </Button>
      </Form>
    </Door>
  );
}
