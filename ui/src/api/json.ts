/** Parses an answer. A field that is null says the same as one that is absent; only the latter is left. */
export function parse(text: string): unknown {
  return JSON.parse(text, (_, value: unknown) => (value === null ? undefined : value));
}
