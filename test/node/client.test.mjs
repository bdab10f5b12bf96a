// The Node client against the server at NATS_URL, which knows the users of
// server.conf. Each test has its own subjects and connections.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect } from "@nats-io/transport-node";
import {
  AuthorizationError,
  createInbox,
  headers,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
} from "@nats-io/nats-core";

const servers = process.env.NATS_URL;
assert.ok(servers, "set NATS_URL, or use run.sh");

const alice = { servers, user: "alice", pass: "wonder", reconnect: false, timeout: 5000 };
const bob = { servers, user: "bob", pass: "builder", reconnect: false, timeout: 5000 };

// withConnections opens one connection per options, runs body with them and
// closes them.
async function withConnections(options, body) {
  const connections = await Promise.all(options.map((o) => connect(o)));
  try {
    await body(...connections);
  } finally {
    await Promise.all(connections.map((nc) => nc.close()));
  }
}

// take collects n messages of a subscription.
async function take(sub, n) {
  const messages = [];
  if (n === 0) return messages;
  for await (const m of sub) {
    messages.push(m);
    if (messages.length === n) break;
  }
  return messages;
}

const texts = (messages) => messages.map((m) => m.string());

let patient;
before(async () => {
  // The server may still be starting.
  patient = await connect({
    ...alice,
    reconnect: true,
    waitOnFirstConnect: true,
    reconnectTimeWait: 50,
    maxReconnectAttempts: 200,
  });
});
after(() => patient?.close());

test("the server tells about itself", async () => {
  await withConnections([alice], async (nc) => {
    assert.equal(nc.info.headers, true);
    assert.equal(nc.info.max_payload, 1048576);
    assert.equal(nc.info.auth_required, true);
    assert.match(nc.info.version, /^2\./);
    assert.ok(nc.info.client_id > 0);
    assert.ok(await nc.rtt() >= 0);
  });
});

test("messages arrive in order and whole", async () => {
  await withConnections([alice, alice], async (pub, sub) => {
    const s = sub.subscribe("order");
    await sub.flush();
    for (let i = 0; i < 1000; i++) pub.publish("order", `${i}`);
    const got = texts(await take(s, 1000));
    assert.deepEqual(got, Array.from({ length: 1000 }, (_, i) => `${i}`));
  });
});

test("payloads are bytes of any value and size up to the limit", async () => {
  await withConnections([alice], async (nc) => {
    const s = nc.subscribe("bytes");
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const large = new Uint8Array(nc.info.max_payload).fill(7);
    nc.publish("bytes", all);
    nc.publish("bytes");
    nc.publish("bytes", large);
    const got = await take(s, 3);
    assert.deepEqual([...got[0].data], [...all]);
    assert.equal(got[1].data.length, 0);
    assert.ok(Buffer.from(got[2].data).equals(Buffer.from(large)));
  });
});

test("wildcards match whole tokens", async () => {
  await withConnections([alice], async (nc) => {
    const star = nc.subscribe("wild.*.end");
    const full = nc.subscribe("wild.>");
    for (const subject of ["wild.a.end", "wild.a.b.end", "wild", "wild.b.end"]) nc.publish(subject);
    await nc.flush();
    await Promise.all([star.drain(), full.drain()]);
    assert.deepEqual((await take(star, 2)).map((m) => m.subject), ["wild.a.end", "wild.b.end"]);
    assert.deepEqual((await take(full, 3)).map((m) => m.subject), ["wild.a.end", "wild.a.b.end", "wild.b.end"]);
  });
});

test("one member of a queue group gets each message", async () => {
  await withConnections([alice, alice, alice], async (pub, one, two) => {
    const members = [one, two].map((nc) => nc.subscribe("jobs", { queue: "workers" }));
    const counts = members.map(async (s) => {
      const got = [];
      for await (const m of s) got.push(m.string());
      return got;
    });
    await Promise.all([one.flush(), two.flush()]);
    for (let i = 0; i < 500; i++) pub.publish("jobs", `${i}`);
    await pub.flush();
    await Promise.all(members.map((s) => s.drain()));
    const [a, b] = await Promise.all(counts);
    assert.equal(new Set([...a, ...b]).size, 500);
    assert.equal(a.length + b.length, 500);
    assert.ok(a.length > 0 && b.length > 0, `shares ${a.length} and ${b.length}`);
  });
});

test("an unsubscribe with a maximum delivers exactly that many", async () => {
  await withConnections([alice], async (nc) => {
    const s = nc.subscribe("max", { max: 3 });
    for (let i = 0; i < 10; i++) nc.publish("max", `${i}`);
    const got = [];
    for await (const m of s) got.push(m.string());
    assert.deepEqual(got, ["0", "1", "2"]);
  });
});

test("a request gets its reply", async () => {
  await withConnections([alice, alice], async (client, service) => {
    service.subscribe("echo.*", { callback: (_, m) => m.respond(m.data, { headers: m.headers }) });
    await service.flush();
    for (let i = 0; i < 50; i++) {
      const reply = await client.request(`echo.${i}`, `hello ${i}`, { timeout: 5000 });
      assert.equal(reply.string(), `hello ${i}`);
    }
    const many = await Promise.all(
      Array.from({ length: 50 }, (_, i) => client.request("echo.x", `${i}`, { timeout: 5000 })),
    );
    assert.deepEqual(texts(many), Array.from({ length: 50 }, (_, i) => `${i}`));
  });
});

test("a request by its own inbox subscription gets its reply", async () => {
  await withConnections([alice, alice], async (client, service) => {
    service.subscribe("nomux", { callback: (_, m) => m.respond("yes") });
    await service.flush();
    const reply = await client.request("nomux", "?", { noMux: true, timeout: 5000 });
    assert.equal(reply.string(), "yes");
  });
});

test("several replies to one request all arrive", async () => {
  await withConnections([alice, alice], async (client, service) => {
    service.subscribe("many", { callback: (_, m) => ["a", "b", "c"].forEach((t) => m.respond(t)) });
    await service.flush();
    const got = [];
    for await (const m of await client.requestMany("many", "", { strategy: "count", maxMessages: 3, maxWait: 5000 })) {
      got.push(m.string());
    }
    assert.deepEqual(got, ["a", "b", "c"]);
  });
});

test("a request nobody answers fails at once", async () => {
  await withConnections([alice], async (nc) => {
    await assert.rejects(nc.request("nobody", "", { timeout: 60000 }), (err) => {
      assert.ok(err instanceof RequestError);
      assert.ok(err.isNoResponders());
      assert.ok(err.cause instanceof NoRespondersError);
      assert.equal(err.cause.subject, "nobody");
      return true;
    });
  });
});

test("headers keep their order of values, their case and their bytes", async () => {
  await withConnections([alice, alice], async (pub, sub) => {
    const s = sub.subscribe("headers");
    await sub.flush();
    const h = headers();
    h.append("Key", "one");
    h.append("Key", "two");
    h.set("lower-Case", "größe 世界");
    pub.publish("headers", "body", { headers: h, reply: "answer.here" });
    const [m] = await take(s, 1);
    assert.equal(m.string(), "body");
    assert.equal(m.reply, "answer.here");
    assert.deepEqual(m.headers.values("Key"), ["one", "two"]);
    assert.equal(m.headers.get("lower-Case"), "größe 世界");
  });
});

test("noEcho keeps one's own messages away", async () => {
  await withConnections([{ ...alice, noEcho: true }, alice], async (quiet, other) => {
    const s = quiet.subscribe("echoes");
    await quiet.flush();
    quiet.publish("echoes", "own");
    await quiet.flush();
    other.publish("echoes", "other");
    assert.deepEqual(texts(await take(s, 1)), ["other"]);
  });
});

test("drain of a connection delivers what was on its way", async () => {
  await withConnections([alice], async (pub) => {
    const nc = await connect(alice);
    const got = [];
    nc.subscribe("draining", { callback: (_, m) => got.push(m.string()) });
    await nc.flush();
    for (let i = 0; i < 200; i++) pub.publish("draining", `${i}`);
    await pub.flush();
    await nc.drain();
    assert.equal(got.length, 200);
    assert.ok(nc.isClosed());
  });
});

test("drain of a subscription leaves the connection open", async () => {
  await withConnections([alice], async (nc) => {
    const s = nc.subscribe("once");
    nc.publish("once", "before");
    await s.drain();
    nc.publish("once", "after");
    await nc.flush();
    const got = [];
    for await (const m of s) got.push(m.string());
    assert.deepEqual(got, ["before"]);
  });
});

test("wrong credentials are refused", async () => {
  for (const wrong of [{ user: "alice", pass: "x" }, { user: "nobody", pass: "wonder" }, { user: undefined, pass: undefined }]) {
    await assert.rejects(connect({ ...alice, ...wrong }), AuthorizationError);
  }
});

test("a refused publish is reported and the connection stays", async () => {
  await withConnections([bob, alice], async (nc, other) => {
    const seen = other.subscribe("secret.>");
    await other.flush();
    const errors = nc.status();
    nc.publish("secret.plan", "x");
    for await (const status of errors) {
      if (status.type !== "error") continue;
      assert.ok(status.error instanceof PermissionViolationError);
      assert.equal(status.error.operation, "publish");
      assert.equal(status.error.subject, "secret.plan");
      break;
    }
    const s = nc.subscribe("allowed.x");
    nc.publish("allowed.x", "fine");
    assert.deepEqual(texts(await take(s, 1)), ["fine"]);
    await seen.drain();
    assert.equal(seen.getReceived(), 0);
  });
});

test("a refused subscription fails and the connection stays", async () => {
  await withConnections([bob], async (nc) => {
    const error = await new Promise((resolve) => {
      nc.subscribe("secret.>", { queue: "q", callback: (err) => resolve(err) });
    });
    assert.ok(error instanceof PermissionViolationError);
    assert.equal(error.operation, "subscription");
    assert.equal(error.subject, "secret.>");
    assert.equal(error.queue, "q");
    await nc.flush();
  });
});

test("a refused request fails", async () => {
  await withConnections([bob], async (nc) => {
    await assert.rejects(nc.request("secret.plan", "", { timeout: 60000 }), (err) => {
      assert.ok(err instanceof PermissionViolationError || err.cause instanceof PermissionViolationError, `${err}`);
      return true;
    });
  });
});

test("inboxes of one's own prefix work", async () => {
  await withConnections([{ ...alice, inboxPrefix: "my.inbox" }, alice], async (client, service) => {
    service.subscribe("prefixed", { callback: (_, m) => m.respond(m.reply) });
    await service.flush();
    const reply = await client.request("prefixed", "", { timeout: 5000 });
    assert.match(reply.string(), /^my\.inbox\./);
    assert.match(createInbox("x.y"), /^x\.y\./);
  });
});
