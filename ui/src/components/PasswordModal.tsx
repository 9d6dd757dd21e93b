import { useState } from 'react';
import { api } from '../api/client';
import { Field } from './Field';
import { FormModal } from './FormModal';

export function PasswordModal({ onClose }: { onClose: () => void }) {
  const [oldPassword, setOld] = useState('');
  const [newPassword, setNew] = useState('');
  const change = async () => {
    await api.post('/session/password', { oldPassword, newPassword });
    onClose();
  };
  return (
    <FormModal title="Change password" submit="Change" size="small" ready={oldPassword !== '' && newPassword !== ''} onSubmit={change} onClose={onClose}>
      <Field id="old-password" label="Old password" type="password" value={oldPassword} onChange={setOld} required autoFocus autoComplete="current-password" />
      <Field id="new-password" label="New password" type="password" value={newPassword} onChange={setNew} required autoComplete="new-password" />
    </FormModal>
  );
}
