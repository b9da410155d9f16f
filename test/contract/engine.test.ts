import { createService } from '../../src/owner/service.ts';
import { announcements, type Connect } from './place.ts';
import { describeContract, describeOnce } from './suite.ts';

/** The method table on the engine itself: nothing in between. */
const connect: Connect = async ({ database, owner }, hello) => {
  const begun = announcements();
  const watches = new Map<number, () => Promise<void>>();
  const sql = await database.openSession({
    readOnly: hello.readOnly,
    client: hello.client,
    announce: async (call) => begun.announce(call),
  });
  const service = createService({
    sql: async () => sql,
    index: () => owner.index(),
    status: () => owner.status(),
    stop: () => owner.stop(),
    standby: () => undefined,
    isReadOnly: () => hello.readOnly,
    notify: () => undefined,
    watches,
  });
  return {
    call: (method, params, signal = new AbortController().signal) =>
      service[method](params as never, { signal }) as never,
    began: begun.of,
    async close() {
      await Promise.all([...watches.values()].map((release) => release()));
      await sql.close();
    },
  };
};

describeContract('the service itself', connect);
describeOnce('the service itself', connect);
