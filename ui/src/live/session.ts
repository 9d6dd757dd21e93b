import { createContext, useContext } from 'react';
import type { Scope, Session } from '../api/types';

export const SessionContext = createContext<Session>({ scopes: [] });

export const useSession = () => useContext(SessionContext);

/** Whether the user may do that: what they may not do is not offered. */
export function useMay(scope: Scope): boolean {
  const { scopes } = useSession();
  return scopes.includes('admin') || scopes.includes(scope);
}
