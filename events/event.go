package events

import (
	"reflect"
	"time"
)

//go:generate go test -run ^TestMethods$ . -generate

// IocEvent is one event. Each kind of event is its own struct type, so that a
// consumer uses a type switch; [Types] lists them. Events are values and never
// change once they are sent.
//
// Only types that embed a Header are events, so that the interface can grow.
type IocEvent interface {
	// Head returns what every event has.
	Head() Header
	// String returns the event as [Line] shows it.
	String() string
	// MarshalJSON returns the event as [Marshal] does.
	MarshalJSON() ([]byte, error)

	event()
}

// Header is what every event has. An [Operation] fills it in; of an event passed
// to an Operation or [Span], only the header's Subject and Message are used.
type Header struct {
	// ID identifies the event's span: its pending event, all progress and its
	// final event share it. It is unique within the operation; spans are
	// numbered from 1 in the order they begin.
	ID uint64
	// Parent is the ID of the enclosing span, 0 at the top.
	Parent uint64
	// Depth is the number of enclosing spans.
	Depth int
	// Scope is the operation's id, from [Options].
	Scope string
	State State
	// Subject names what the event is about: a jail, a release, a dataset. It is
	// libioc's identifier and the same throughout a span.
	Subject string
	// Message has details for people to read. It may be empty.
	Message string
	// Err is set if and only if State is Failed.
	Err error
	// Started is when the span began.
	Started time.Time
	// Duration is the time since Started; 0 when the span begins.
	Duration time.Duration
	// Merged counts the earlier optional events of the span (progress, output)
	// that were not sent on their own but merged into this one.
	Merged int
}

// Head returns the header itself.
func (h Header) Head() Header { return h }

func (Header) event() {}

// String returns the header as [Line] shows an event, without its type.
func (h Header) String() string { return h.line("") }

// TypeOf returns the name of the event's type, without the package.
func TypeOf(e IocEvent) string { return reflect.Indirect(reflect.ValueOf(e)).Type().Name() }

// Types returns the names of all event types, by family.
func Types() []string {
	all := catalogue()
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = TypeOf(e)
	}
	return names
}

// with returns a copy of e that has another header and its own lists.
func with(e IocEvent, h Header) IocEvent {
	old := reflect.Indirect(reflect.ValueOf(e))
	v := reflect.New(old.Type()).Elem()
	v.Set(old)
	v.FieldByName("Header").Set(reflect.ValueOf(h))
	for _, f := range v.Fields() {
		if f.Kind() == reflect.Slice && !f.IsNil() {
			f.Set(reflect.AppendSlice(reflect.MakeSlice(f.Type(), 0, f.Len()), f))
		}
	}
	return v.Interface().(IocEvent)
}

// subject returns the Subject of an event's header, or else the event's own: a
// name joined of two, or its first field.
func subject(e IocEvent) string {
	if s := e.Head().Subject; s != "" {
		return s
	}
	if e, ok := e.(interface{ subject() string }); ok {
		return e.subject()
	}
	v := reflect.Indirect(reflect.ValueOf(e))
	if v.NumField() < 2 || v.Field(1).Kind() != reflect.String {
		return ""
	}
	return v.Field(1).String()
}

func (PackageFetch) subject() string           { return "global" }
func (e ReleaseAssetDownload) subject() string { return join(e.Release, e.Asset) }
func (e ReleaseExtraction) subject() string    { return join(e.Release, e.Asset) }
func (e ExportOtherDataset) subject() string   { return join(e.Resource, e.Dataset) }
func (e ImportOtherDataset) subject() string   { return join(e.Resource, e.Dataset) }

// join returns the name of a part of whole.
func join(whole, part string) string {
	if whole == "" || part == "" {
		return whole + part
	}
	return whole + "/" + part
}
