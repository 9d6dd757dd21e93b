export function standIn() { return { name: 'x' }; }
