package sysadm

import "context"

// kind says what a call may wait for. Each kind has slots of its own, so that calls
// that hang keep only their like from running.
type kind uint8

const (
	kindRead   kind = iota // what this machine says of itself
	kindAsk                // the answer of a mirror or of the plugin index
	kindChange             // a jail's lock, its hooks, a command in it
	kinds
)

func (a Action) kind() kind {
	switch {
	case a.Role != RoleRead:
		return kindChange
	case a.asks:
		return kindAsk
	}
	return kindRead
}

// kindOf returns the kind of any call. All but the actions of the class are short.
func kindOf(r *request) kind {
	if r.namespace == "rpc" || r.namespace == "events" {
		return kindRead
	}
	args, _ := members(r.args)
	name, _ := text(args["action"])
	return actions[name].kind() // of an unknown one: read
}

// slots bound the calls that run at a time, each kind for itself.
type slots [kinds]chan struct{}

func newSlots(each int) slots {
	var s slots
	for k := range s {
		s[k] = make(chan struct{}, each)
	}
	return s
}

// take waits for a slot. It reports false if the context ended first.
func (s slots) take(ctx context.Context, k kind) bool {
	select {
	case s[k] <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s slots) give(k kind) { <-s[k] }

// backlog bounds what a connection has asked for and not been answered: as many bytes
// as PerClient of the longest messages have, and parts times as many calls. Calls
// that hang thus leave room for later ones that do not.
type backlog struct {
	part chan struct{}
	size int64 // bytes of one part
}

// parts is into how many parts the longest message is divided.
const parts = 16

func newBacklog(l Limits) backlog {
	return backlog{make(chan struct{}, parts*l.PerClient), (l.Message + parts - 1) / parts}
}

// add waits until a message fits. It is for one goroutine. It returns a function to
// call with the answer, or nil if the context ended first.
func (b backlog) add(ctx context.Context, message []byte) (answered func()) {
	n := min(max(1, (int64(len(message))+b.size-1)/b.size), parts)
	for range n {
		select {
		case b.part <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
	}
	return func() {
		for range n {
			<-b.part
		}
	}
}
