package precheck

import (
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

func TestSameLife(t *testing.T) {
	id := kernel.Identity{JID: 3, Name: "a", Incarnation: 5}
	for _, c := range []struct {
		now  kernel.Identity
		with bool
		want bool
	}{
		{kernel.Identity{JID: 3, Name: "a", Incarnation: 5}, true, true},
		{kernel.Identity{JID: 3, Name: "renamed", Incarnation: 5}, true, false},
		{kernel.Identity{JID: 3, Name: "a", Incarnation: 6}, true, false},
		{kernel.Identity{JID: 4, Name: "a", Incarnation: 5}, true, false},
		{kernel.Identity{JID: 3, Name: "a", Incarnation: 9}, false, true},
		{kernel.Identity{JID: 3, Name: "b", Incarnation: 9}, false, false},
	} {
		have := id
		if !c.with {
			have.Incarnation = 0
		}
		if got := SameLife(have, c.now); got != c.want {
			t.Errorf("%+v and %+v: %v", have, c.now, got)
		}
	}
}
