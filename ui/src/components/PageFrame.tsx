import { Content, Flex, FlexItem, PageSection, Title } from '@patternfly/react-core';
import { useEffect, type ReactNode } from 'react';

interface Props {
  title: string;
  heading?: ReactNode;
  crumbs?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}

/** Title, what the page is about, its actions; and the title of the browser's tab. */
export function PageFrame({ title, heading, crumbs, description, actions, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Tidemark`;
  }, [title]);
  return (
    <>
      <PageSection>
        {crumbs}
        <Flex justifyContent={{ default: 'justifyContentSpaceBetween' }} alignItems={{ default: 'alignItemsFlexStart' }}>
          <FlexItem>
            <Title headingLevel="h1">{heading ?? title}</Title>
            {description && <Content component="p" className="tm-subtle">{description}</Content>}
          </FlexItem>
          {actions && (
            <FlexItem>
              <Flex gap={{ default: 'gapSm' }}>{actions}</Flex>
            </FlexItem>
          )}
        </Flex>
      </PageSection>
      <PageSection isFilled>{children}</PageSection>
    </>
  );
}
