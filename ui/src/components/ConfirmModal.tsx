import { FormModal } from './FormModal';

interface Props {
  title: string;
  text: string;
  submit: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
  onDone: () => void;
}

/** Asks before something is removed. */
export function ConfirmModal({ title, text, submit, onConfirm, onClose, onDone }: Props) {
  const confirm = async () => {
    await onConfirm();
    onClose();
    onDone();
  };
  return (
    <FormModal title={title} submit={submit} danger size="small" onSubmit={confirm} onClose={onClose}>
      {text}
    </FormModal>
  );
}
