package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"
)

// wire is the stable form. Fields may be added but not renamed or removed.
type wire struct {
	Type     string          `json:"type"`
	ID       uint64          `json:"id"`
	Parent   uint64          `json:"parent"`
	Depth    int             `json:"depth"`
	Scope    string          `json:"scope"`
	State    State           `json:"state"`
	Subject  string          `json:"subject"`
	Message  string          `json:"message"`
	Error    *RemoteError    `json:"error"`
	Started  *time.Time      `json:"started"`
	Duration seconds         `json:"duration"`
	Merged   int             `json:"merged"`
	Payload  json.RawMessage `json:"payload"`
}

// Marshal returns the wire form of e, one JSON object without line breaks:
//
//	type      string   of TypeOf
//	id        number   within the operation, from 1
//	parent    number   id of the enclosing span, 0 at the top
//	depth     number   0 at the top
//	scope     string   the operation's id
//	state     string   pending, done, skipped or failed
//	subject   string
//	message   string
//	error     object   {"message", "type"}, null unless failed
//	started   string   RFC 3339 with fraction, in UTC; null if unknown
//	duration  number   seconds, exact to the nanosecond
//	merged    number
//	payload   object   the event's own fields, in snake case; a list is never null
//
// All members are present, in this order. Members may be added later. An event
// encodes itself the same way with [json.Marshal]; only [Unmarshal] decodes it.
// Text that is not valid UTF-8 is written with replacement characters. Marshal
// fails for a state or year that has no text form.
func Marshal(e IocEvent) ([]byte, error) {
	h := e.Head()
	payload, err := marshalPayload(with(e, Header{}))
	if err != nil {
		return nil, err
	}
	w := wire{
		Type: TypeOf(e), ID: h.ID, Parent: h.Parent, Depth: h.Depth, Scope: h.Scope,
		State: h.State, Subject: h.Subject, Message: h.Message,
		Duration: seconds(h.Duration), Merged: h.Merged, Payload: payload,
	}
	if h.Err != nil {
		w.Error = remote(h.Err)
	}
	if !h.Started.IsZero() {
		t := h.Started.UTC()
		w.Started = &t
	}
	return json.Marshal(w)
}

// marshalPayload encodes the fields of e other than Header. It does not use
// e's own MarshalJSON, which returns the whole wire form.
func marshalPayload(e IocEvent) ([]byte, error) {
	var out []byte
	for f, value := range reflect.Indirect(reflect.ValueOf(e)).Fields() {
		if f.Anonymous {
			continue
		}
		if value.Kind() == reflect.Slice && value.IsNil() {
			value = reflect.MakeSlice(f.Type, 0, 0)
		}
		text, err := json.Marshal(value.Interface())
		if err != nil {
			return nil, err
		}
		out = fmt.Appendf(out, ",%q:%s", f.Tag.Get("json"), text)
	}
	return fmt.Appendf(nil, "{%s}", bytes.TrimPrefix(out, []byte(","))), nil
}

// Unmarshal decodes one event of the wire form and returns it as a value of its
// type: Unmarshal of a JailStart returns a JailStart. Its error, if any, is a
// [*RemoteError], and empty lists are nil.
//
// Unknown members are ignored, so that events of later versions can be read. For
// an unknown event type the error is an [*UnknownTypeError].
func Unmarshal(data []byte) (IocEvent, error) {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	h := Header{
		ID: w.ID, Parent: w.Parent, Depth: w.Depth, Scope: w.Scope, State: w.State,
		Subject: w.Subject, Message: w.Message, Duration: time.Duration(w.Duration), Merged: w.Merged,
	}
	if w.Error != nil {
		h.Err = w.Error
	}
	if w.Started != nil {
		h.Started = w.Started.UTC()
		if y := h.Started.Year(); y < 0 || y > 9999 {
			return nil, errors.New("events: start out of range in UTC")
		}
	}
	if (h.State == Failed) != (h.Err != nil) {
		return nil, errors.New("events: state and error contradict each other")
	}
	for _, known := range catalogue() {
		if TypeOf(known) == w.Type {
			e, err := unmarshalPayload(known, w.Payload)
			if err != nil {
				return nil, fmt.Errorf("events: payload of %s: %w", w.Type, err)
			}
			return with(e, h), nil
		}
	}
	return nil, &UnknownTypeError{Type: w.Type, Head: h}
}

func unmarshalPayload(known IocEvent, payload []byte) (IocEvent, error) {
	v := reflect.New(reflect.TypeOf(known))
	if len(payload) > 0 {
		if err := json.Unmarshal(payload, v.Interface()); err != nil {
			return nil, err
		}
	}
	v = v.Elem()
	for _, f := range v.Fields() {
		if f.Kind() == reflect.Slice && f.Len() == 0 {
			f.SetZero()
		}
	}
	return v.Interface().(IocEvent), nil
}
