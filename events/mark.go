package events

// Events about the operation itself.

// Rollback reports that one step of a failed operation is undone.
type Rollback struct {
	Header `json:"-"`
	Step   string `json:"step"` // the step's kind
}

// OperationEnd is the last event if no other has the outcome, see
// [Operation.Close]. It has no pending event.
type OperationEnd struct {
	Header `json:"-"`
}

// Overflow stands for transitions that a reader was too slow for, at the place
// where they are missing, see the package comment. It has no pending event.
type Overflow struct {
	Header `json:"-"`
	Missed int `json:"missed"` // how many, at least 1
}
