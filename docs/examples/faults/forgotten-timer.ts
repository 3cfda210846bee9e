// Every session refreshes its token every half minute. A logout forgets the session and not its timer,
// so the timer, and through it the session, stays for ever.
import { proc } from '@lastcall/proc';

class Session {
  token = 0;

  constructor() {
    setInterval(() => this.refresh(), 30_000); // <- culprit
  }

  refresh(): void {
    this.token += 1;
  }
}

const sessions = new Map<string, Session>();

function login(user: string): void {
  sessions.set(user, new Session());
}

function logout(user: string): void {
  sessions.delete(user);
}

proc.install();
for (let user = 0; user < 500; user += 1) {
  login(`user ${user}`);
  logout(`user ${user}`);
}
console.log('up');
