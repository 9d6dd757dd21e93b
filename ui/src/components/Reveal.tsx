import { useEffect, useRef, type ReactNode } from 'react';

/** Something that appears after a click: scrolled to, so that nobody has to look for it. */
export function Reveal({ children }: { children: ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Nothing may be returned: newer browsers answer with a promise, which React would take for a clean-up.
    place.current?.scrollIntoView({ block: 'nearest' });
  }, []);
  return <div ref={place}>{children}</div>;
}
