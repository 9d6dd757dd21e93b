import { Card, CardBody, CardTitle, DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm, Grid, GridItem } from '@patternfly/react-core';
import type { ReactNode } from 'react';
import { Link } from 'react-router-dom';
import type { Container, ContainerImage } from '../api/types';
import { Ago } from '../components/Ago';
import { bytes } from '../format/bytes';
import { span } from '../format/time';

function Item({ term, children }: { term: string; children: ReactNode }) {
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{term}</DescriptionListTerm>
      <DescriptionListDescription>{children}</DescriptionListDescription>
    </DescriptionListGroup>
  );
}

function Image({ image }: { image: ContainerImage }) {
  return (
    <Item term={image.id}>
      <span className="tm-mono">{image.path}</span>
      <div className="tm-subtle">
        {[
          image.sizeBytes !== undefined && bytes(image.sizeBytes),
          image.format,
          image.fileSystem,
          image.attached ? `attached as ${image.blockDevice ?? 'a device'}` : 'not attached',
          image.mountPoint && `mounted at ${image.mountPoint}`,
        ].filter(Boolean).join(', ')}
      </div>
      {image.problem && <div>{image.problem}</div>}
    </Item>
  );
}

export function ContainerSummary({ container }: { container: Container }) {
  const { protection, runtime } = container;
  return (
    <Grid hasGutter md={6}>
      <GridItem>
        <Card isFullHeight>
          <CardTitle component="h2">Protection</CardTitle>
          <CardBody>
            <DescriptionList isHorizontal isCompact>
              <Item term="Newest recovery point">
                <Ago at={protection.newestPointAt} none="none" />
                {protection.newestTarget && ` on ${protection.newestTarget}`}
              </Item>
              <Item term="Asked for">{protection.rpoSeconds ? `one every ${span(protection.rpoSeconds)}` : 'nothing: no policy has this container'}</Item>
              <Item term="Next backup"><Ago at={protection.nextRunAt} none="not planned" planned /></Item>
              <Item term="Policies">
                {container.policies.length === 0 ? <Link to="/policies?add">Make a policy</Link> : <Link to="/policies">{container.policies.join(', ')}</Link>}
              </Item>
            </DescriptionList>
          </CardBody>
        </Card>
      </GridItem>
      <GridItem>
        <Card isFullHeight>
          <CardTitle component="h2">Images</CardTitle>
          <CardBody>
            <DescriptionList isHorizontal isCompact>
              {container.images.map((image) => <Image key={image.id} image={image} />)}
              {runtime.kind === 'RUNC' && <Item term="runc">{runtime.id}{runtime.cgroup && <div className="tm-subtle tm-mono">{runtime.cgroup}</div>}</Item>}
            </DescriptionList>
          </CardBody>
        </Card>
      </GridItem>
    </Grid>
  );
}
