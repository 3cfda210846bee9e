import type { OpenTransaction } from './orm-contract';

type Run = (sql: string) => Promise<unknown>;

/** Keeps a transaction open that the ORM knows only as a function it is within. */
export function openTransaction(
  transaction: (body: (run: Run) => Promise<void>) => Promise<unknown>,
): Promise<OpenTransaction> {
  return new Promise((opened, failed) => {
    let end!: { resolve: () => void; reject: (reason: Error) => void };
    const until = new Promise<void>((resolve, reject) => {
      end = { resolve, reject };
    });
    until.catch(() => {});
    const over = transaction((run) => {
      opened({
        run,
        commit: () => {
          end.resolve();
          return over;
        },
        rollback: () => {
          end.reject(new Error('rolled back'));
          return over;
        },
      });
      return until;
    });
    over.catch(failed);
  });
}
