import type { Mysql2Packet } from './mysql2-pool';

// MySQL documentation, "Client/Server Protocol": OK_Packet, EOF_Packet, ERR_Packet, SERVER_STATUS_flags_enum
const OK = 0x00;
const EOF = 0xfe;
const ERR = 0xff;
const IN_TRANSACTION = 1;
const HEADER = 4;
const EOF_LENGTH = 5;
/** The answer to a prepare begins like an OK, and has exactly this length. */
const PREPARE_OK_LENGTH = 12;

/** What the server says at the end of a command. */
export type Answer =
  | {
      readonly type: 'ok';
      readonly isInTransaction: boolean;
      /** Neither rows nor a number of changed ones came with it. */
      readonly isBare: boolean;
    }
  | { readonly type: 'error'; readonly errno: number };

/** Whether a message ends its command with an error. No row begins like one. */
export function isError({ buffer, start }: Mysql2Packet): boolean {
  return buffer[start + HEADER] === ERR;
}

/** Reads the last message of a command. Undefined where it does not say. */
export function readAnswer({ buffer, start, end }: Mysql2Packet): Answer | undefined {
  const at = start + HEADER;
  const length = end - at;
  if (length < EOF_LENGTH) return undefined;
  const type = buffer[at];
  if (type === ERR) return { type: 'error', errno: buffer.readUInt16LE(at + 1) };
  if (type === EOF && length === EOF_LENGTH) return ok(buffer.readUInt16LE(at + 3), false);
  if (type !== OK || length === PREPARE_OK_LENGTH) return undefined;
  const affectedRows = lengthOfNumber(buffer[at + 1]);
  const insertId = lengthOfNumber(buffer[at + 1 + affectedRows]);
  const status = at + 1 + affectedRows + insertId;
  if (status + 2 > end) return undefined;
  return ok(buffer.readUInt16LE(status), buffer[at + 1] === 0);
}

function ok(status: number, isBare: boolean): Answer {
  return { type: 'ok', isInTransaction: (status & IN_TRANSACTION) !== 0, isBare };
}

/** How many bytes a length-encoded integer takes, by its first. */
function lengthOfNumber(first: number | undefined): number {
  if (first === 0xfc) return 3;
  if (first === 0xfd) return 4;
  return first === 0xfe ? 9 : 1;
}
