import { useEffect, useRef, type ReactNode } from 'react';

/** Something that appears after a click: scrolled to, so that nobody has to look for it. */
export function Reveal({ children }: { children: ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.scrollIntoView({ block: 'nearest' }), []);
  return <div ref={place}>{children}</div>;
}
