package devfs

import "testing"

func TestAccountID(t *testing.T) {
	file := []byte("# $FreeBSD$\n#x:*:9:\nwheel:*:0:root\nbad:*:x:\nbad:*:4294967296:\noperator:*:5:root\nshort:*\nshort:*:6:\n+:*::\n:*:3:\noperator:*:7:")
	for _, tt := range []struct {
		name string
		id   uint32
		ok   bool
	}{
		{"operator", 5, true}, {"wheel", 0, true}, {"77", 77, true}, {"short", 6, true},
		{"4294967296", 0, false}, {"bad", 0, false}, {"", 0, false}, {"#x", 0, false}, {"oper", 0, false}, {"+", 0, false}, {"-1", 0, false},
	} {
		if id, ok := AccountID(file, tt.name); id != tt.id || ok != tt.ok {
			t.Errorf("%q: %d %v", tt.name, id, ok)
		}
	}
}
