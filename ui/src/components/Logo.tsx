/** Two waves and the mark the tide left above them. */
export function Logo({ size = 36 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" className="tm-logo-ground" />
      <path d="M5 11h22" stroke="#7fd6e8" strokeWidth="2" strokeLinecap="round" strokeDasharray="1 4" />
      <path d="M4 18c3 0 3-3 6-3s3 3 6 3 3-3 6-3 3 3 6 3" fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" />
      <path d="M4 24c3 0 3-3 6-3s3 3 6 3 3-3 6-3 3 3 6 3" fill="none" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" opacity=".55" />
    </svg>
  );
}
