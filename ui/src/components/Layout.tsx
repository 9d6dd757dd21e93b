import {
  Alert, Dropdown, DropdownItem, DropdownList, Masthead, MastheadBrand, MastheadContent, MastheadLogo, MastheadMain, MastheadToggle,
  MenuToggle, Nav, NavItem, NavList, Page, PageSection, PageSidebar, PageSidebarBody, PageToggleButton, SkipToContent, Toolbar,
  ToolbarContent, ToolbarGroup, ToolbarItem,
} from '@patternfly/react-core';
import BarsIcon from '@patternfly/react-icons/dist/esm/icons/bars-icon';
import UserIcon from '@patternfly/react-icons/dist/esm/icons/user-icon';
import { useState, type ReactNode } from 'react';
import { Link, useLocation } from 'react-router-dom';
import { api } from '../api/client';
import { isOver, useLive } from '../live/LiveProvider';
import { useSession } from '../live/session';
import { Logo } from './Logo';
import { PasswordModal } from './PasswordModal';

const PLACES = [
  ['/', 'Overview'],
  ['/containers', 'Containers'],
  ['/targets', 'Targets'],
  ['/policies', 'Policies'],
  ['/jobs', 'Jobs'],
  ['/devices', 'Devices'],
  ['/settings', 'Settings'],
] as const;

function Navigation() {
  const { pathname } = useLocation();
  const { jobs } = useLive();
  const active = [...jobs.values()].filter((job) => !isOver(job.state)).length;
  return (
    <Nav aria-label="Main">
      <NavList>
        {PLACES.map(([path, name]) => (
          <NavItem key={path} isActive={path === '/' ? pathname === '/' : pathname.startsWith(path)}>
            <Link to={path}>
              {name}
              {path === '/jobs' && active > 0 && <span className="tm-nav-count" aria-label={`${active} under way`}>{active}</span>}
            </Link>
          </NavItem>
        ))}
      </NavList>
    </Nav>
  );
}

function UserMenu({ onLeft }: { onLeft: () => void }) {
  const session = useSession();
  const [open, setOpen] = useState(false);
  const [changing, setChanging] = useState(false);
  const leave = () => api.delete('/session').then(onLeft, onLeft);
  return (
    <>
      <Dropdown
        isOpen={open}
        onOpenChange={setOpen}
        onSelect={() => setOpen(false)}
        popperProps={{ position: 'right' }}
        toggle={(ref) => (
          <MenuToggle ref={ref} isExpanded={open} onClick={() => setOpen(!open)} icon={<UserIcon />}>
            {session.userName ?? session.tokenName}
          </MenuToggle>
        )}
      >
        <DropdownList>
          <DropdownItem onClick={() => setChanging(true)}>Change password</DropdownItem>
          <DropdownItem onClick={leave}>Sign out</DropdownItem>
        </DropdownList>
      </Dropdown>
      {changing && <PasswordModal onClose={() => setChanging(false)} />}
    </>
  );
}

export function Layout({ children, onLeft }: { children: ReactNode; onLeft: () => void }) {
  const { connected } = useLive();
  const masthead = (
    <Masthead>
      <MastheadMain>
        <MastheadToggle>
          <PageToggleButton variant="plain" aria-label="Navigation">
            <BarsIcon />
          </PageToggleButton>
        </MastheadToggle>
        <MastheadBrand>
          <MastheadLogo component={(props) => <Link {...props} to="/" className="tm-brand" />}>
            <Logo />
            <span>Tidemark</span>
          </MastheadLogo>
        </MastheadBrand>
      </MastheadMain>
      <MastheadContent>
        <Toolbar isStatic>
          <ToolbarContent>
            <ToolbarGroup align={{ default: 'alignEnd' }}>
              <ToolbarItem>
                <UserMenu onLeft={onLeft} />
              </ToolbarItem>
            </ToolbarGroup>
          </ToolbarContent>
        </Toolbar>
      </MastheadContent>
    </Masthead>
  );
  const sidebar = (
    <PageSidebar>
      <PageSidebarBody>
        <Navigation />
      </PageSidebarBody>
    </PageSidebar>
  );
  return (
    <Page
      masthead={masthead}
      sidebar={sidebar}
      isManagedSidebar
      mainContainerId="main"
      skipToContent={<SkipToContent href="#main">Skip to content</SkipToContent>}
    >
      {!connected && (
        <PageSection>
          <Alert isInline variant="warning" title="No connection to the appliance">
            What you see may be out of date. It is tried again by itself; containers and their disks are not affected.
          </Alert>
        </PageSection>
      )}
      {children}
    </Page>
  );
}
