import { useCallback, useEffect, useState } from 'react';
import { Navigate, Route, Routes, useLocation, useNavigate } from 'react-router-dom';
import { ApiError, api, whenNotAuthenticated } from './api/client';
import type { Problem, Session } from './api/types';
import { Layout } from './components/Layout';
import { ProblemAlert } from './components/ProblemAlert';
import { LiveProvider } from './live/LiveProvider';
import { SessionContext } from './live/session';
import { ContainerPage } from './pages/ContainerPage';
import { ContainersPage } from './pages/ContainersPage';
import { DashboardPage } from './pages/DashboardPage';
import { DevicesPage } from './pages/DevicesPage';
import { JobPage } from './pages/JobPage';
import { JobsPage } from './pages/JobsPage';
import { LoginPage } from './pages/LoginPage';
import { NotFoundPage } from './pages/NotFoundPage';
import { PoliciesPage } from './pages/PoliciesPage';
import { SettingsPage } from './pages/SettingsPage';
import { SetUpPage } from './pages/SetUpPage';
import { TargetsPage } from './pages/TargetsPage';

type Who = { kind: 'unknown' } | { kind: 'nobody' } | { kind: 'user'; session: Session } | { kind: 'failed'; problem: Problem };

/** Decides who is looking: nobody gets the login page and comes back to where they wanted to go. */
export function App() {
  const [who, setWho] = useState<Who>({ kind: 'unknown' });
  const navigate = useNavigate();
  const location = useLocation();
  const enter = useCallback((session: Session) => setWho({ kind: 'user', session }), []);

  useEffect(() => {
    whenNotAuthenticated(() => setWho({ kind: 'nobody' }));
    api.get<Session>('/session').then(enter, (error: unknown) => {
      const problem = error instanceof ApiError ? error.problem : undefined;
      setWho(problem === undefined || problem.code === 'not-authenticated' ? { kind: 'nobody' } : { kind: 'failed', problem });
    });
  }, [enter]);

  if (location.pathname === '/setup') {
    const entered = (session: Session) => {
      enter(session);
      navigate('/', { replace: true });
    };
    return <SetUpPage onEntered={entered} />;
  }
  switch (who.kind) {
    case 'unknown':
      return null;
    case 'failed':
      return <ProblemAlert problem={who.problem} onRetry={() => window.location.reload()} />;
    case 'nobody':
      return <LoginPage onEntered={enter} />;
    case 'user':
      return (
        <SessionContext.Provider value={who.session}>
          <LiveProvider>
            <Layout onLeft={() => setWho({ kind: 'nobody' })}>
              <Routes>
                <Route path="/" element={<DashboardPage />} />
                <Route path="/containers" element={<ContainersPage />} />
                <Route path="/containers/:name" element={<ContainerPage />} />
                <Route path="/targets" element={<TargetsPage />} />
                <Route path="/policies" element={<PoliciesPage />} />
                <Route path="/jobs" element={<JobsPage />} />
                <Route path="/jobs/:id" element={<JobPage />} />
                <Route path="/devices" element={<DevicesPage />} />
                <Route path="/settings" element={<Navigate to="/settings/users" replace />} />
                <Route path="/settings/:tab" element={<SettingsPage />} />
                <Route path="*" element={<NotFoundPage />} />
              </Routes>
            </Layout>
          </LiveProvider>
        </SessionContext.Provider>
      );
  }
}
