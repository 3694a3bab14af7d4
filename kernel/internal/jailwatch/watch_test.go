package jailwatch

import (
	"testing"

	"github.com/libioc/go-libioc/kernel"
)

func TestJailChanges(t *testing.T) {
	a, b := kernel.Identity{JID: 1, Name: "a", Incarnation: 3}, kernel.Identity{JID: 2, Name: "b", Incarnation: 4}
	again := kernel.Identity{JID: 1, Name: "a", Incarnation: 5}
	look := func(id kernel.Identity, v string) jailLook { return jailLook{id, []byte(v)} }
	for _, c := range []struct {
		what        string
		before, now []jailLook
		first       bool
		want        []kernel.JailEvent
	}{
		{"first", nil, []jailLook{look(a, "x")}, true, []kernel.JailEvent{{Kind: kernel.JailThere, ID: a}}},
		{"nothing", []jailLook{look(a, "x")}, []jailLook{look(a, "x")}, false, nil},
		{"changed", []jailLook{look(a, "x")}, []jailLook{look(a, "y")}, false, []kernel.JailEvent{{Kind: kernel.JailChanged, ID: a}}},
		{"made and removed", []jailLook{look(a, "x")}, []jailLook{look(b, "x")}, false, []kernel.JailEvent{{Kind: kernel.JailRemoved, ID: a}, {Kind: kernel.JailMade, ID: b}}},
		{"another life", []jailLook{look(a, "x")}, []jailLook{look(again, "x")}, false, []kernel.JailEvent{{Kind: kernel.JailRemoved, ID: a}, {Kind: kernel.JailMade, ID: again}}},
	} {
		got := jailChanges(c.before, c.now, c.first)
		if len(got) != len(c.want) {
			t.Errorf("%s: %v", c.what, got)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: %v, want %v", c.what, got, c.want)
			}
		}
	}
}
