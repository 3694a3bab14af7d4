package events

import "fmt"

// RemoteError is an error that came over the wire: its text and its Go type,
// both only for people to read.
type RemoteError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
}

// Error returns the text of the original error.
func (e *RemoteError) Error() string { return e.Message }

// UnknownTypeError tells that an event is of a type this version does not know.
type UnknownTypeError struct {
	Type string
	Head Header // what can be shown all the same
}

func (e *UnknownTypeError) Error() string {
	return fmt.Sprintf("events: unknown event type %q", e.Type)
}

// remote keeps an error that was remote before as it is.
func remote(err error) *RemoteError {
	//nolint:errorlint // what wraps one has words of its own
	if r, ok := err.(*RemoteError); ok {
		return &RemoteError{r.Message, r.Type}
	}
	return &RemoteError{err.Error(), fmt.Sprintf("%T", err)}
}
