import { PauseClock } from '../../src/await-sites/pause-clock';
import { readSnapshot } from '../../src/await-sites/take-snapshot';

const NODES = 100_000;

/** A heap of nodes without edges, as V8 writes it: some 2 MB. */
function snapshot(): Buffer {
  const meta = {
    node_fields: ['type', 'name', 'id', 'self_size', 'edge_count'],
    node_types: [['object'], 'string', 'number', 'number', 'number'],
    edge_fields: ['type', 'name_or_index', 'to_node'],
    edge_types: [['property'], 'string_or_number', 'node'],
    location_fields: ['object_index', 'script_id', 'line', 'column'],
  };
  const header = { meta, node_count: NODES, edge_count: 0 };
  const nodes = '0,0,1234567,1234567,0,'.repeat(NODES).slice(0, -1);
  return Buffer.from(
    `{"snapshot":${JSON.stringify(header)},\n"nodes":[${nodes}],\n"edges":[],\n"locations":[],\n"strings":["a"]}`,
  );
}

it('lets the process have its turns while it reads a snapshot that comes in one chunk', async () => {
  const chunk = snapshot();
  let turns = 0;
  let isReading = true;
  const count = (): void => {
    turns += 1;
    if (isReading) setImmediate(count);
  };
  setImmediate(count);
  const graph = await readSnapshot(async function* () {
    yield chunk;
  }, new PauseClock());
  isReading = false;
  expect(graph.nodeCount).toBe(NODES);
  expect(turns).toBeGreaterThanOrEqual(Math.floor(chunk.length / 2 ** 19));
});
