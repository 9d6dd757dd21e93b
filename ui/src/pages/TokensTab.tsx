import { Alert, Button, Checkbox, ClipboardCopy, FormGroup, Label, Modal, ModalBody, ModalFooter, ModalHeader } from '@patternfly/react-core';
import { Table, Tbody, Td, Th, Thead, Tr } from '@patternfly/react-table';
import { useState } from 'react';
import { api, at, listAll } from '../api/client';
import type { NewToken, Scope, Token } from '../api/types';
import { Ago } from '../components/Ago';
import { ConfirmModal } from '../components/ConfirmModal';
import { Empty } from '../components/Empty';
import { Field } from '../components/Field';
import { FormModal } from '../components/FormModal';
import { Loaded } from '../components/Loaded';
import { useResource } from '../live/useResource';
import './settings.css';

const SCOPES: [Scope, string][] = [
  ['read', 'Look at everything, metrics too'],
  ['backup', 'Start and cancel backups and verifications'],
  ['restore', 'Restore'],
  ['admin', 'Everything'],
];

function TokenModal({ onClose, onCreated }: { onClose: () => void; onCreated: (token: NewToken) => void }) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<Scope[]>(['read']);
  const [days, setDays] = useState('90');
  const create = async () => {
    const expiry = Number(days) > 0 ? { expiresInDays: Number(days) } : {};
    onCreated(await api.post<NewToken>('/tokens', { name, scopes, ...expiry }));
  };
  const toggle = (scope: Scope, on: boolean) => setScopes(on ? [...scopes, scope] : scopes.filter((other) => other !== scope));
  return (
    <FormModal title="Create a token" description="For programs and for the command line on other machines." submit="Create token" size="small" ready={name !== '' && scopes.length > 0} onSubmit={create} onClose={onClose}>
      <Field id="token-name" label="Name" value={name} onChange={setName} help="What it is for." required autoFocus />
      <FormGroup role="group" label="May" fieldId="scopes" isRequired>
        {SCOPES.map(([scope, text]) => <Checkbox key={scope} id={`scope-${scope}`} label={scope} description={text} isChecked={scopes.includes(scope)} onChange={(_, on) => toggle(scope, on)} />)}
      </FormGroup>
      <Field id="days" label="Valid for days" type="number" value={days} onChange={setDays} help="Empty: until it is revoked." />
    </FormModal>
  );
}

/** The only time the secret can be seen. */
function SecretModal({ token, onClose }: { token: NewToken; onClose: () => void }) {
  return (
    <Modal isOpen variant="medium" aria-label="The new token">
      <ModalHeader title={`Token ${token.name}`} />
      <ModalBody>
        <div className="tm-stack">
          <Alert isInline variant="warning" title="Copy it now: it is not shown again." />
          <ClipboardCopy isReadOnly hoverTip="Copy" clickTip="Copied">{token.secret}</ClipboardCopy>
        </div>
      </ModalBody>
      <ModalFooter>
        <Button onClick={onClose}>I have copied it</Button>
      </ModalFooter>
    </Modal>
  );
}

function StateOf({ token }: { token: Token }) {
  if (token.revokedAt) {
    return <Label color="grey">revoked</Label>;
  }
  const expired = token.expiresAt && Date.parse(token.expiresAt) < Date.now();
  return <Label color={expired ? 'grey' : 'green'}>{expired ? 'expired' : 'valid'}</Label>;
}

export function TokensTab() {
  const tokens = useResource('tokens', () => listAll<Token>('/tokens'));
  const [creating, setCreating] = useState(false);
  const [made, setMade] = useState<NewToken>();
  const [revoking, setRevoking] = useState<Token>();
  const created = (token: NewToken) => {
    setCreating(false);
    setMade(token);
    tokens.reload();
  };
  return (
    <div className="tm-tab">
      <div><Button onClick={() => setCreating(true)}>Create token</Button></div>
      <Loaded resource={tokens}>
        {(data) =>
          data.length === 0 ? (
            <Empty title="No token yet">A token lets a program, a monitoring system or the command line on another machine in, with no more rights than it needs.</Empty>
          ) : (
            <Table aria-label="Tokens">
              <Thead>
                <Tr><Th>Token</Th><Th>May</Th><Th>State</Th><Th>Created</Th><Th>Expires</Th><Th>Last used</Th><Th screenReaderText="Actions" /></Tr>
              </Thead>
              <Tbody>
                {data.map((token) => (
                  <Tr key={token.id}>
                    <Td dataLabel="Token">{token.name}</Td>
                    <Td dataLabel="May">{token.scopes.join(', ')}</Td>
                    <Td dataLabel="State"><StateOf token={token} /></Td>
                    <Td dataLabel="Created"><Ago at={token.createdAt} />{token.createdBy && ` by ${token.createdBy}`}</Td>
                    <Td dataLabel="Expires"><Ago at={token.expiresAt} /></Td>
                    <Td dataLabel="Last used"><Ago at={token.lastUsedAt} /></Td>
                    <Td isActionCell>{!token.revokedAt && <Button variant="link" isInline isDanger onClick={() => setRevoking(token)}>Revoke</Button>}</Td>
                  </Tr>
                ))}
              </Tbody>
            </Table>
          )
        }
      </Loaded>
      {creating && <TokenModal onClose={() => setCreating(false)} onCreated={created} />}
      {made && <SecretModal token={made} onClose={() => setMade(undefined)} />}
      {revoking && (
        <ConfirmModal title={`Revoke ${revoking.name}?`} text="Whoever uses it is refused from now on. That cannot be undone." submit="Revoke" onConfirm={() => api.delete(at('tokens', revoking.id))} onClose={() => setRevoking(undefined)} onDone={tokens.reload} />
      )}
    </div>
  );
}
