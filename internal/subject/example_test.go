package subject_test

import (
	"fmt"

	"github.com/tidings-io/tidings/internal/subject"
)

func ExampleTransform() {
	t, err := subject.NewTransform("orders.*.*", "shard.{{partition(3,2)}}.$2.$1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Apply("orders.eu.4711", 0))
	fmt.Println(t.Apply("invoices.eu.4711", 0))
	// Output:
	// shard.2.4711.eu true
	//  false
}

func ExampleMapping() {
	m, err := subject.NewMapping("price.*",
		subject.Destination{Subject: "price.v1.$1", Weight: 90},
		subject.Destination{Subject: "price.v2.$1", Weight: 10},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	const random = 95 << 32 // comes from a generator; 95 of 100 is for the second
	fmt.Println(m.Apply("price.eur", "", random))
	// Output: price.v2.eur map
}
