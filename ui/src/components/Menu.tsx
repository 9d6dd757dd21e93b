import { Dropdown, DropdownItem, DropdownList, MenuToggle } from '@patternfly/react-core';
import EllipsisVIcon from '@patternfly/react-icons/dist/esm/icons/ellipsis-v-icon';
import { useState } from 'react';

export interface Action {
  text: string;
  run: () => void;
  danger?: boolean;
}

/** The rarer actions of a row or a page, behind three dots. */
export function Menu({ label, actions }: { label: string; actions: Action[] }) {
  const [open, setOpen] = useState(false);
  return (
    <Dropdown
      isOpen={open}
      onOpenChange={setOpen}
      onSelect={() => setOpen(false)}
      popperProps={{ position: 'right' }}
      toggle={(ref) => (
        <MenuToggle ref={ref} variant="plain" aria-label={label} isExpanded={open} onClick={() => setOpen(!open)}>
          <EllipsisVIcon />
        </MenuToggle>
      )}
    >
      <DropdownList>
        {actions.map((action) => (
          <DropdownItem key={action.text} isDanger={action.danger} onClick={action.run}>
            {action.text}
          </DropdownItem>
        ))}
      </DropdownList>
    </Dropdown>
  );
}
