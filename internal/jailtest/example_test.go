package jailtest_test

import (
	"testing"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/jailtest"
	"github.com/libioc/go-libioc/jail"
)

// A test puts jails on a host of its own and compares the host with itself.
func Example() {
	TestStart := func(t *testing.T) {
		h := jailtest.OpenHost(t, simhost.Options{})
		jailtest.PutPlain(t, h, "web", map[string]string{"boot": "yes"})
		web := jailtest.Load(t, h, "web")[0]
		before := jailtest.World(t, h)
		if _, err := web.Start(t.Context(), jail.StartOptions{}); err != nil {
			t.Fatal(err, jailtest.Running(t, h))
		}
		if _, err := web.Stop(t.Context(), jail.StopOptions{}); err != nil {
			t.Fatal(err)
		}
		jailtest.RequireSame(t, before, jailtest.World(t, h))
	}
	_ = TestStart
}
