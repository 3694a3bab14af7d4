package step_test

import (
	"fmt"

	"github.com/libioc/go-libioc/internal/step"
)

// An operation adds its steps in order. What follows Commit is not undone.
func ExampleList() {
	var list step.List
	list.Add(step.Clone{Clones: []step.CloneTarget{{Snapshot: "zroot/ioc/releases/14.3-RELEASE/root@p0", Target: "zroot/ioc/jails/web/root"}}})
	list.Commit()
	list.Add(step.RemoveJail{Name: "ioc-web"})
	steps, err := list.Steps()
	if err != nil {
		panic(err)
	}
	for _, s := range steps {
		fmt.Println(s.Kind + ": " + s.Detail)
	}
	// Output:
	// clone: zroot/ioc/releases/14.3-RELEASE/root@p0 as zroot/ioc/jails/web/root
	// remove jail: jail_remove ioc-web
}
