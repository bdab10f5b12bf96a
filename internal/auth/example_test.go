package auth_test

import (
	"fmt"

	"github.com/tidings-io/tidings/internal/auth"
	"github.com/tidings-io/tidings/internal/core"
	"github.com/tidings-io/tidings/internal/wire"
)

func ExampleGate() {
	gate, err := auth.New(auth.Config{
		Accounts: []auth.AccountConfig{{
			Name: "SALES",
			Users: []auth.User{{
				Name:     "ada",
				Password: "change-me",
				Permissions: &auth.PermissionsConfig{
					Subscribe: auth.SubjectsConfig{Allow: []string{"orders.>"}, Deny: []string{"orders.secret.>"}},
				},
			}},
		}},
	}, core.NewAccounts())
	if err != nil {
		fmt.Println(err)
		return
	}
	ada, err := gate.Authenticate(auth.Request{Connect: wire.ConnectOptions{User: "ada", Password: "change-me"}})
	fmt.Println(ada, err)
	fmt.Println(ada.Permissions.MaySubscribe("orders.>", ""), ada.Permissions.MayDeliver("orders.secret.1"))

	_, err = gate.Authenticate(auth.Request{Connect: wire.ConnectOptions{User: "ada", Password: "guess"}})
	fmt.Println(err)
	// Output:
	// SALES/ada <nil>
	// true false
	// authorization violation
}
