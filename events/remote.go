package events

import "fmt"

// RemoteError is an error received over the wire: its text and its Go type, both
// only for people to read.
type RemoteError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
}

// Error returns the text of the original error.
func (e *RemoteError) Error() string { return e.Message }

// UnknownTypeError is returned for an event type that this version does not know.
type UnknownTypeError struct {
	Type string
	Head Header // the event without its own fields
}

func (e *UnknownTypeError) Error() string {
	return fmt.Sprintf("events: unknown event type %q", e.Type)
}

// remote returns err in the wire form; a RemoteError stays as it is.
func remote(err error) *RemoteError {
	//nolint:errorlint // an error that wraps one has a text of its own
	if r, ok := err.(*RemoteError); ok {
		return &RemoteError{r.Message, r.Type}
	}
	return &RemoteError{err.Error(), fmt.Sprintf("%T", err)}
}
