import { countEach } from '../src/stop-outcome';

it.each([
  ['none', [], {}],
  ['one', ['a'], { a: 1 }],
  ['the same in a row', ['a', 'a', 'a', 'b', 'b'], { a: 3, b: 2 }],
  ['the same again later', ['a', 'b', 'a', 'a', 'b'], { a: 3, b: 2 }],
])('counts names: %s', (_, names, counts) => {
  expect(countEach(names)).toEqual(counts);
});
