package events

import "fmt"

// State is the state of a span. Its text form is the lower-case name.
type State uint8

const (
	Pending State = iota // running; also the state of progress
	Done                 // succeeded
	Skipped              // there was nothing to do; Message is the reason
	Failed               // failed with Err
)

var stateNames = [...]string{Pending: "pending", Done: "done", Skipped: "skipped", Failed: "failed"}

// String returns the text form, or State(n) for an invalid value.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Final reports whether a span in this state has ended.
func (s State) Final() bool { return s != Pending }

// MarshalText returns the text form, or an error for an invalid value.
func (s State) MarshalText() ([]byte, error) {
	if int(s) >= len(stateNames) {
		return nil, fmt.Errorf("events: %v has no text form", s)
	}
	return []byte(stateNames[s]), nil
}

// UnmarshalText accepts only the text forms.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if string(text) == name {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("events: unknown state %q", text)
}
