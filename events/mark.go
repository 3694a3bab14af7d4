package events

// Events that tell of the operation itself.

// Rollback tells that one step of a failed operation is undone.
type Rollback struct {
	Header `json:"-"`
	Step   string `json:"step"` // the step's kind
}

// Type returns "Rollback".
func (Rollback) Type() string { return "Rollback" }

// MarshalJSON returns the wire form, see [Marshal].
func (e Rollback) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e Rollback) with(h Header) IocEvent       { e.Header = h; return e }
func (e Rollback) subject() string              { return e.Step }

// OperationEnd is the last event where no other tells the outcome, see
// [Operation.Close]. It has no pending event.
type OperationEnd struct {
	Header `json:"-"`
}

// Type returns "OperationEnd".
func (OperationEnd) Type() string { return "OperationEnd" }

// MarshalJSON returns the wire form, see [Marshal].
func (e OperationEnd) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e OperationEnd) with(h Header) IocEvent       { e.Header = h; return e }
func (OperationEnd) subject() string                { return "" }

// Overflow stands for transitions that a reader was too slow for, at the place
// where they are missing, see the package comment. It has no pending event.
type Overflow struct {
	Header `json:"-"`
	Missed int `json:"missed"` // how many, at least 1
}

// Type returns "Overflow".
func (Overflow) Type() string { return "Overflow" }

// MarshalJSON returns the wire form, see [Marshal].
func (e Overflow) MarshalJSON() ([]byte, error) { return Marshal(e) }
func (e Overflow) with(h Header) IocEvent       { e.Header = h; return e }
func (Overflow) subject() string                { return "" }
