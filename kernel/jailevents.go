package kernel

import "cmp"

// JailEventKind is the kind of a JailEvent.
type JailEventKind uint8

// The kinds of JailEvent.
const (
	JailThere   JailEventKind = iota + 1 // it existed when the watch began
	JailMade                             // it was created
	JailChanged                          // one or more of its parameters changed
	JailRemoved                          // it ended or is dying
)

var jailEventKinds = map[JailEventKind]string{
	JailThere: "there", JailMade: "made", JailChanged: "changed", JailRemoved: "removed",
}

func (k JailEventKind) String() string { return cmp.Or(jailEventKinds[k], "invalid") }

// JailEvent is one change of one jail.
type JailEvent struct {
	Kind JailEventKind
	ID   Identity
}

func (e JailEvent) String() string { return e.ID.String() + " " + e.Kind.String() }
