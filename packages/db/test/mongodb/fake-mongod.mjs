// A fake of mongod: no real server is at hand where these tests run. It speaks the wire protocol (OP_MSG, and OP_QUERY for the
// first hello) and knows what a drain has to do with: sessions, transactions, cursors, change streams, killSessions, retried
// writes and the fail points of `failCommand`. It keeps documents and does not interpret filters.
//
//   node fake-mongod.mjs        says `port <port>` on stdout, and runs until its stdin ends
import { createServer } from 'node:net';
import { BSON } from 'mongodb';

const { Binary, Long, deserialize, serialize } = BSON;
const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const INTERRUPTED = 11601;
const HIDDEN = new Set(['hello', 'isMaster', 'ping']);

const collections = new Map();
const transactions = new Map();
/** What runs, each with what interrupts it. */
const running = new Set();
const cursors = new Map();
/** Answers of retryable writes, by session and number. */
const written = new Map();
const failPoints = [];
const connections = new Map();
let lastConnection = 0;
let lastCursor = 100;

class MongoFailure extends Error {
  constructor(code, codeName, message = codeName) {
    super(message);
    this.answer = { ok: 0, errmsg: message, code, codeName };
  }
}

const server = createServer((socket) => {
  const connection = { id: ++lastConnection, appName: undefined, socket };
  connections.set(connection.id, connection);
  let buffered = Buffer.alloc(0);
  socket.on('error', () => {});
  socket.on('close', () => connections.delete(connection.id));
  socket.on('data', (data) => {
    buffered = Buffer.concat([buffered, data]);
    while (buffered.length >= 4 && buffered.length >= buffered.readInt32LE(0)) {
      const length = buffered.readInt32LE(0);
      void receive(connection, buffered.subarray(0, length));
      buffered = buffered.subarray(length);
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
process.stdin.on('end', () => process.exit()).resume();

async function receive(connection, message) {
  const requestId = message.readInt32LE(4);
  const opCode = message.readInt32LE(12);
  const command = opCode === OP_QUERY ? parseQuery(message) : parseMsg(message);
  const answer = await execute(connection, command).catch((error) => {
    if (error instanceof MongoFailure) return error.answer;
    return { ok: 0, errmsg: error.stack, code: 8, codeName: 'UnknownError' };
  });
  if (answer !== undefined) connection.socket.write(frame(opCode, requestId, answer));
}

function parseQuery(message) {
  const documentAt = message.indexOf(0, 20) + 1 + 8;
  return deserialize(message.subarray(documentAt), { promoteLongs: false });
}

function parseMsg(message) {
  let at = 20;
  let command = {};
  while (at < message.length) {
    const kind = message[at];
    const size = message.readInt32LE(at + 1);
    const section = message.subarray(at + 1, at + 1 + size);
    if (kind === 0) command = { ...deserialize(section), ...command };
    else {
      const nameEnd = section.indexOf(0, 4);
      const documents = [];
      for (let i = nameEnd + 1; i < size; i += section.readInt32LE(i))
        documents.push(deserialize(section.subarray(i, i + section.readInt32LE(i))));
      command[section.toString('utf8', 4, nameEnd)] = documents;
    }
    at += 1 + size;
  }
  return command;
}

function frame(opCode, requestId, answer) {
  const document = serialize(answer);
  const isMsg = opCode === OP_MSG;
  const head = Buffer.alloc(isMsg ? 21 : 36);
  head.writeInt32LE(head.length + document.length, 0);
  head.writeInt32LE(requestId, 8);
  head.writeInt32LE(isMsg ? OP_MSG : OP_REPLY, 12);
  if (!isMsg) head.writeInt32LE(1, 32);
  return Buffer.concat([head, document]);
}

/** @returns the answer, or undefined where there is none */
async function execute(connection, command) {
  const name = Object.keys(command)[0];
  const handler = HANDLERS[name];
  if (handler === undefined) throw new MongoFailure(59, 'CommandNotFound', `no command ${name}`);
  if (HIDDEN.has(name)) return handler(command, connection);
  const session = command.lsid?.id.toString('hex');
  const operation = { name, session, appName: connection.appName, interrupt: () => {} };
  operation.interrupted = new Promise((_resolve, reject) => {
    operation.interrupt = () => reject(new MongoFailure(INTERRUPTED, 'Interrupted'));
  });
  operation.interrupted.catch(() => {});
  running.add(operation);
  try {
    const point = failPointFor(name, connection);
    if (point?.blockConnection)
      await Promise.race([sleep(point.blockTimeMS), operation.interrupted]);
    if (point?.closeConnection && !point.afterwards) return void connection.socket.destroy();
    if (point?.errorCode !== undefined) throw new MongoFailure(point.errorCode, 'FailPoint');
    const answer = await handler(command, connection, operation);
    if (point?.closeConnection) return void connection.socket.destroy();
    return answer;
  } finally {
    running.delete(operation);
  }
}

function failPointFor(name, { appName }) {
  const index = failPoints.findIndex(
    ({ data }) => data.failCommands.includes(name) && (data.appName ?? appName) === appName,
  );
  if (index < 0) return undefined;
  const point = failPoints[index];
  point.times -= 1;
  if (point.times <= 0) failPoints.splice(index, 1);
  return point.data;
}

const HANDLERS = {
  hello,
  isMaster: hello,
  ismaster: hello,
  ping: () => ({ ok: 1 }),
  insert,
  update,
  find,
  aggregate,
  getMore,
  killCursors,
  commitTransaction,
  abortTransaction,
  killSessions,
  endSessions: () => ({ ok: 1 }),
  killOp: () => ({ ok: 1 }),
  configureFailPoint,
  currentOp,
  serverStatus,
  drop,
};

function hello(command, connection) {
  connection.appName = command.client?.application?.name ?? connection.appName;
  const me = `127.0.0.1:${server.address().port}`;
  return {
    helloOk: true,
    isWritablePrimary: true,
    ismaster: true,
    setName: 'fake',
    setVersion: 1,
    hosts: [me],
    primary: me,
    me,
    maxBsonObjectSize: 16777216,
    maxMessageSizeBytes: 48000000,
    maxWriteBatchSize: 100000,
    localTime: new Date(),
    logicalSessionTimeoutMinutes: 30,
    connectionId: connection.id,
    minWireVersion: 0,
    maxWireVersion: 25,
    readOnly: false,
    ok: 1,
  };
}

function documentsOf(name) {
  if (!collections.has(name)) collections.set(name, []);
  return collections.get(name);
}

/** The transaction that a command belongs to, which its first command begins. */
function transactionOf({ lsid, txnNumber, autocommit, startTransaction }) {
  if (autocommit !== false) return undefined;
  const session = lsid.id.toString('hex');
  if (startTransaction) {
    const begun = { number: String(txnNumber), apply: [] };
    transactions.set(session, begun);
    return begun;
  }
  const transaction = transactions.get(session);
  if (transaction?.number === String(txnNumber)) return transaction;
  const failure = new MongoFailure(251, 'NoSuchTransaction', 'the transaction has been aborted');
  failure.answer.errorLabels = ['TransientTransactionError'];
  throw failure;
}

/** Does a write now, at the commit, or not once more. */
function write(command, apply, answer) {
  const transaction = transactionOf(command);
  if (transaction !== undefined) {
    transaction.apply.push(apply);
    return answer;
  }
  const key = command.txnNumber && `${command.lsid.id.toString('hex')}:${command.txnNumber}`;
  if (key !== undefined && written.has(key)) return written.get(key);
  apply();
  if (key !== undefined) written.set(key, answer);
  return answer;
}

function insert(command) {
  const { documents } = command;
  const add = () => {
    documentsOf(command.insert).push(...documents);
    for (const cursor of cursors.values()) cursor.changed?.(command.insert, documents);
  };
  return write(command, add, { ok: 1, n: documents.length });
}

/** Of all documents, whatever the filter. */
function update(command) {
  const set = () => {
    for (const document of documentsOf(command.update))
      Object.assign(document, command.updates[0].u.$set);
  };
  const n = documentsOf(command.update).length;
  return write(command, set, { ok: 1, n, nModified: n });
}

/** All documents, whatever the filter. */
function find(command) {
  transactionOf(command);
  const documents = [...documentsOf(command.find)];
  const firstBatch = documents.splice(0, command.batchSize ?? documents.length);
  const id = documents.length === 0 ? 0 : ++lastCursor;
  if (id !== 0) cursors.set(String(id), { documents });
  return {
    ok: 1,
    cursor: { id: Long.fromNumber(id), ns: `${command.$db}.${command.find}`, firstBatch },
  };
}

/** Change streams only. */
function aggregate(command) {
  const id = ++lastCursor;
  const cursor = { documents: [], wake: () => {} };
  cursor.changed = (name, documents) => {
    if (name !== command.aggregate) return;
    for (const fullDocument of documents)
      cursor.documents.push({ _id: { _data: '1' }, operationType: 'insert', fullDocument });
    cursor.wake();
  };
  cursors.set(String(id), cursor);
  const ns = `${command.$db}.${command.aggregate}`;
  const cursorAnswer = { id: Long.fromNumber(id), ns, firstBatch: [] };
  return { ok: 1, cursor: { ...cursorAnswer, postBatchResumeToken: { _data: '0' } } };
}

async function getMore(command, _connection, operation) {
  const id = String(command.getMore);
  const cursor = cursors.get(id);
  if (cursor === undefined) throw new MongoFailure(43, 'CursorNotFound');
  if (cursor.wake !== undefined && cursor.documents.length === 0) {
    const change = new Promise((resolve) => {
      cursor.wake = resolve;
    });
    await Promise.race([change, sleep(1000), operation.interrupted]);
    if (!cursors.has(id)) throw new MongoFailure(237, 'CursorKilled');
  }
  const nextBatch = cursor.documents.splice(0, command.batchSize ?? cursor.documents.length);
  const isOver = cursor.wake === undefined && cursor.documents.length === 0;
  if (isOver) cursors.delete(id);
  const ns = `${command.$db}.${command.collection}`;
  return { ok: 1, cursor: { id: isOver ? Long.ZERO : Long.fromNumber(Number(id)), ns, nextBatch } };
}

function killCursors({ cursors: ids }) {
  for (const id of ids.map(String)) {
    const cursor = cursors.get(id);
    cursors.delete(id);
    cursor?.wake?.();
  }
  return { ok: 1, cursorsKilled: ids };
}

function commitTransaction(command) {
  const session = command.lsid.id.toString('hex');
  const key = `${session}:${command.txnNumber}`;
  if (written.has(key)) return written.get(key);
  const transaction = transactionOf(command);
  transactions.delete(session);
  for (const apply of transaction.apply) apply();
  written.set(key, { ok: 1 });
  return { ok: 1 };
}

function abortTransaction(command) {
  transactionOf(command);
  transactions.delete(command.lsid.id.toString('hex'));
  return { ok: 1 };
}

function killSessions({ killSessions: ids }) {
  for (const { id } of ids) {
    const session = new Binary(id.buffer, id.sub_type).toString('hex');
    transactions.delete(session);
    for (const operation of running) if (operation.session === session) operation.interrupt();
  }
  return { ok: 1 };
}

/**
 * As mongod's `failCommand`. One thing more: `afterwards` closes the connection when the command has been executed, and before
 * it is answered.
 */
function configureFailPoint({ mode, data }) {
  failPoints.push({ times: mode.times, data });
  return { ok: 1 };
}

function currentOp() {
  const inprog = [...running].map(({ name, appName }) => ({ command: { [name]: 1 }, appName }));
  return { ok: 1, inprog };
}

function serverStatus() {
  const appNames = [...connections.values()].map(({ appName }) => appName ?? '');
  const open = { currentOpen: Long.fromNumber(transactions.size) };
  return { ok: 1, transactions: open, connections: { appNames }, cursors: cursors.size };
}

function drop(command) {
  collections.delete(command.drop);
  return { ok: 1 };
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
