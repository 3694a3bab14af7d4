package kernel

// JailEventKind is what happened to a jail.
type JailEventKind uint8

// The kinds of JailEvent.
const (
	JailThere   JailEventKind = iota + 1 // it was there when the watch began
	JailMade                             // it is new
	JailChanged                          // one or more of its parameters changed
	JailRemoved                          // it has ended, or is dying
)

func (k JailEventKind) String() string {
	switch k {
	case JailThere:
		return "there"
	case JailMade:
		return "made"
	case JailChanged:
		return "changed"
	case JailRemoved:
		return "removed"
	}
	return "invalid"
}

// JailEvent is one change of one jail.
type JailEvent struct {
	Kind JailEventKind
	ID   Identity
}

func (e JailEvent) String() string { return e.ID.String() + " " + e.Kind.String() }
