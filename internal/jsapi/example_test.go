package jsapi_test

import (
	"encoding/json"
	"fmt"

	"github.com/tidings-io/tidings/internal/jsapi"
)

// A request on its way: what it asks for, its body, the checks, the answer.
func Example() {
	answer := func(subject, body string) {
		request, ok := jsapi.ParseAPISubject(subject)
		if !ok || request.Operation != jsapi.StreamCreate {
			return
		}
		response := jsapi.StreamCreateResponse{Response: jsapi.NewResponse(request.Operation)}
		var create jsapi.StreamCreateRequest
		if response.Error = jsapi.Decode([]byte(body), &create, true); response.Error == nil {
			_, response.Error = create.Checked(jsapi.StreamRules{Pedantic: create.Pedantic})
		}
		text, err := json.Marshal(response)
		fmt.Println(string(text), err)
	}
	answer("$JS.API.STREAM.CREATE.ORDERS", `{"name":"ORDERS","subjects":["orders..new"]}`)
	answer("$JS.API.STREAM.CREATE.ORDERS", `{"name":"ORDERS","subject":"orders.new"}`)
	// Output:
	// {"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":500,"err_code":10052,"description":"invalid subject"}} <nil>
	// {"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10025,"description":"invalid JSON: json: unknown field \"subject\""}} <nil>
}
