package replaytest

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/libioc/go-libioc/kernel"
)

// setOwned is jail_set(2) with the flag own_desc.
func (r *replayer) setOwned(k kernel.Kernel, l line) error {
	var params []kernel.Param
	name := ""
	for _, s := range l.Params {
		p, err := param(s)
		if err != nil {
			return err
		}
		switch p.Name {
		case "desc":
			continue
		case "name":
			name = kernel.Params{p}.String("name")
		}
		params = append(params, p)
	}
	o, err := k.JailSetOwned(context.Background(), params...)
	if err == nil {
		r.owned[name] = o
		if !o.ByDescriptor() {
			return fmt.Errorf("no descriptor owns %v", o.Identity())
		}
	}
	return l.compare(err)
}

// jailWatch are the events of a replay, from the line that begins to watch.
type jailWatch struct {
	next   func() (kernel.JailEvent, error, bool)
	end    func()
	cancel context.CancelFunc
}

func Watch(k kernel.Kernel) *jailWatch {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	w := &jailWatch{cancel: cancel}
	w.next, w.end = iter.Pull2(k.JailEvents(ctx))
	return w
}

// expect wants "name kind" as the next event; what was there before is passed by.
func (w *jailWatch) expect(want string) error {
	if w == nil || want == "" {
		return fmt.Errorf("the sidecar names no event, or no watch")
	}
	for {
		e, err, ok := w.next()
		switch {
		case !ok:
			return fmt.Errorf("the events have ended")
		case err != nil:
			return err
		}
		got := e.ID.Name + " " + e.Kind.String()
		if e.Kind == kernel.JailThere && got != want {
			continue
		}
		if got != want {
			return fmt.Errorf("event %q, want %q", got, want)
		}
		return nil
	}
}

func (w *jailWatch) stop() {
	if w != nil {
		w.end()
		w.cancel()
	}
}
