package step_test

import (
	"fmt"

	"github.com/libioc/go-libioc/internal/step"
)

func ExampleList() {
	var l step.List
	l.Add(step.CreateDataset{Dataset: "tank/ioc/jails/web", Made: "create-1"})
	l.Add(step.WriteConfig{Dataset: "tank/ioc/jails/web", File: "config.json", Data: []byte("{}")})
	l.Commit() // a failure of either is rolled back

	p, err := l.Plan("create", "web", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, s := range p.Steps {
		fmt.Printf("%d. %s: %s\n", i+1, s.Kind, s.Detail)
	}
	fmt.Println("commit after", p.Commit)
	// Output:
	// 1. create dataset: tank/ioc/jails/web
	// 2. write configuration: tank/ioc/jails/web/config.json
	// commit after 2
}
