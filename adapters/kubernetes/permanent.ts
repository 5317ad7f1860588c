import { PortError } from '../ports.js';

export function permanent(code: string, message: string): PortError {
  return new PortError(message, { kind: 'permanent', code });
}
