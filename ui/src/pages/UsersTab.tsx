import { Button, FormGroup, FormSelect, FormSelectOption, Label } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import { api, at, listAll } from '../api/client';
import type { Problem, Role, User } from '../api/types';
import { Ago } from '../components/Ago';
import { ConfirmModal } from '../components/ConfirmModal';
import { Field } from '../components/Field';
import { FormModal } from '../components/FormModal';
import { Loaded } from '../components/Loaded';
import { Menu } from '../components/Menu';
import { ProblemAlert } from '../components/ProblemAlert';
import { problemOf, useResource } from '../live/useResource';
import './settings.css';

const ROLES: [Role, string][] = [
  ['viewer', 'Viewer: may look'],
  ['operator', 'Operator: may look, back up and restore'],
  ['admin', 'Admin: may do everything'],
];

/** Creates a user, or changes role and password of one that exists. */
function UserModal({ user, onClose, onSaved }: { user?: User; onClose: () => void; onSaved: () => void }) {
  const [userName, setUserName] = useState('');
  const [password, setPassword] = useState('');
  const [role, setRole] = useState<Role>(user?.role ?? 'operator');
  const save = async () => {
    await (user ? api.patch(at('users', user.userName), { role, ...(password === '' ? {} : { password }) }) : api.post('/users', { userName, password, role }));
    onClose();
    onSaved();
  };
  return (
    <FormModal title={user ? `Change ${user.userName}` : 'Add a user'} submit={user ? 'Save' : 'Add user'} size="small" ready={user !== undefined || (userName !== '' && password !== '')} onSubmit={save} onClose={onClose}>
      {!user && <Field id="new-user" label="User name" value={userName} onChange={setUserName} required autoFocus />}
      <Field id="user-password" label={user ? 'New password' : 'Password'} type="password" value={password} onChange={setPassword} required={!user} autoComplete="new-password" help={user ? 'Empty: it stays as it is.' : 'At least 12 characters.'} />
      <FormGroup label="Role" fieldId="role">
        <FormSelect id="role" value={role} onChange={(_, next) => setRole(next as Role)}>
          {ROLES.map(([value, label]) => <FormSelectOption key={value} value={value} label={label} />)}
        </FormSelect>
      </FormGroup>
    </FormModal>
  );
}

export function UsersTab() {
  const users = useResource('users', () => listAll<User>('/users'));
  const [editing, setEditing] = useState<User | 'new'>();
  const [removing, setRemoving] = useState<string>();
  const [problem, setProblem] = useState<Problem>();
  const disable = (user: User) =>
    api.patch(at('users', user.userName), { disabled: !user.disabled }).then(users.reload, (error: unknown) => setProblem(problemOf(error)));
  return (
    <div className="tm-tab">
      <div><Button onClick={() => setEditing('new')}>Add user</Button></div>
      {problem && <ProblemAlert problem={problem} />}
      <Loaded resource={users}>
        {(data) => (
          <Table aria-label="Users">
            <Thead>
              <Tr><Th>User</Th><Th>Role</Th><Th>State</Th><Th>Created</Th><Th screenReaderText="Actions" /></Tr>
            </Thead>
            <Tbody>
              {data.map((user) => (
                <Tr key={user.userName}>
                  <Td dataLabel="User">{user.userName}</Td>
                  <Td dataLabel="Role">{user.role}</Td>
                  <Td dataLabel="State"><Label color={user.disabled ? 'grey' : 'green'}>{user.disabled ? 'disabled' : 'active'}</Label></Td>
                  <Td dataLabel="Created"><Ago at={user.createdAt} none="" /></Td>
                  <Td isActionCell>
                    <Menu
                      label={`Actions for ${user.userName}`}
                      actions={[
                        { text: 'Change role or password', run: () => setEditing(user) },
                        { text: user.disabled ? 'Enable' : 'Disable', run: () => disable(user) },
                        { text: 'Remove', run: () => setRemoving(user.userName), danger: true },
                      ]}
                    />
                  </Td>
                </Tr>
              ))}
            </Tbody>
          </Table>
        )}
      </Loaded>
      {editing && <UserModal user={editing === 'new' ? undefined : editing} onClose={() => setEditing(undefined)} onSaved={users.reload} />}
      {removing && (
        <ConfirmModal title={`Remove ${removing}?`} text="The user can no longer sign in." submit="Remove" onConfirm={() => api.delete(at('users', removing))} onClose={() => setRemoving(undefined)} onDone={users.reload} />
      )}
    </div>
  );
}
