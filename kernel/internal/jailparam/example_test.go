package jailparam_test

import (
	"fmt"

	"github.com/libioc/go-libioc/kernel/internal/jailparam"
)

func ExampleFind() {
	info, negated, ok := jailparam.Find(jailparam.Known, "allow.nomlock")
	fmt.Println(info.Name, negated, ok)
	// Output: allow.mlock true true
}
