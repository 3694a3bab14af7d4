package events

import "fmt"

// State is how far a span is. Its text form is the lower-case name.
type State uint8

const (
	Pending State = iota // begun; also the state of progress
	Done                 // ended well
	Skipped              // nothing was to be done; Message says why
	Failed               // ended with Err
)

var stateNames = [...]string{Pending: "pending", Done: "done", Skipped: "skipped", Failed: "failed"}

// String returns the text form, or State(n) for a value that is no state.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Final tells whether a span in this state has ended.
func (s State) Final() bool { return s != Pending }

// MarshalText returns the text form, or an error for a value that is no state.
func (s State) MarshalText() ([]byte, error) {
	if int(s) >= len(stateNames) {
		return nil, fmt.Errorf("events: %v has no text form", s)
	}
	return []byte(stateNames[s]), nil
}

// UnmarshalText accepts exactly the text forms.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if string(text) == name {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("events: unknown state %q", text)
}
