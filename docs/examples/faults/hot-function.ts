// Every answer names the shop that is nearest to the visitor. To find it, all shops are sorted, for each answer:
// nothing is blocked for long, and the service needs three times the machines.
import { proc } from '@lastcall/proc';

interface Shop {
  readonly name: string;
  readonly km: number;
}

const shops = Array.from({ length: 10_000 }, (_, i) => ({
  name: `shop ${i}`,
  km: (i * 7919) % 10_007,
}));

function nearest(km: number): Shop | undefined {
  const sorted = shops.toSorted((a, b) => Math.abs(a.km - km) - Math.abs(b.km - km)); // <- culprit
  return sorted[0];
}

let answers = 0;

function answer(): void {
  answers += 1;
  console.log(`answer ${answers}: ${nearest(answers)?.name}`);
}

proc.install();
setInterval(answer, 5);
