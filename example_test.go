package tidings_test

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidings-io/tidings"
)

// A server on a free loopback port, and a request answered through it.
func Example() {
	server, err := tidings.New(tidings.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := server.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	nc, err := nats.Connect(server.ClientURL())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer nc.Close()
	if _, err := nc.Subscribe("greet", func(m *nats.Msg) { _ = m.Respond([]byte("hello, " + string(m.Data))) }); err != nil {
		fmt.Println(err)
		return
	}
	answer, err := nc.Request("greet", []byte("world"), time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(answer.Data))
	// Output: hello, world
}

// A server without a socket: clients connect within the process.
func ExampleServer_InProcessConn() {
	server, err := tidings.New(tidings.Options{NoListen: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := server.Start(); err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	nc, err := nats.Connect("", nats.InProcessServer(server))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer nc.Close()
	sub, err := nc.SubscribeSync("news")
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := nc.Publish("news", []byte("within the process")); err != nil {
		fmt.Println(err)
		return
	}
	m, err := sub.NextMsg(time.Second)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(m.Data))
	// Output: within the process
}
