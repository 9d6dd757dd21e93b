import { FormGroup, FormHelperText, HelperText, HelperTextItem, TextInput, type TextInputProps } from '@patternfly/react-core';
import type { ReactNode } from 'react';

interface Props {
  id: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  help?: ReactNode;
  error?: string;
  required?: boolean;
  type?: TextInputProps['type'];
  placeholder?: string;
  autoFocus?: boolean;
  autoComplete?: string;
}

export function Field({ id, label, value, onChange, help, error, required = false, type = 'text', placeholder, autoFocus, autoComplete = 'off' }: Props) {
  return (
    <FormGroup label={label} fieldId={id} isRequired={required}>
      <TextInput
        id={id}
        type={type}
        value={value}
        onChange={(_, next) => onChange(next)}
        isRequired={required}
        validated={error ? 'error' : 'default'}
        placeholder={placeholder}
        autoFocus={autoFocus}
        autoComplete={autoComplete}
      />
      {(help || error) && <Help error={error}>{help}</Help>}
    </FormGroup>
  );
}

export function Help({ error, children }: { error?: string; children?: ReactNode }) {
  return (
    <FormHelperText>
      <HelperText>
        <HelperTextItem variant={error ? 'error' : 'default'}>{error ?? children}</HelperTextItem>
      </HelperText>
    </FormHelperText>
  );
}

/** What container, target and policy names may look like; the appliance checks again. */
export function nameError(name: string): string | undefined {
  if (name === '' || /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(name)) {
    return undefined;
  }
  return 'Letters, digits, dots, dashes and underscores; a letter, digit or underscore first.';
}
