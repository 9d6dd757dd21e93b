/** The water along the lower edge. */
export function Tide({ className }: { className: string }) {
  return (
    <svg className={className} viewBox="0 0 1200 60" preserveAspectRatio="none" aria-hidden="true">
      <path fill="currentColor" opacity=".5" d="M0 26c100-26 200-26 300 0s200 26 300 0 200-26 300 0 200 26 300 0v34H0Z" />
      <path fill="currentColor" d="M0 40c75-18 150-18 225 0s150 18 225 0 150-18 225 0 150 18 225 0 150-18 225 0 75 18 75 9v11H0Z" />
    </svg>
  );
}
