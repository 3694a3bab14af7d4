package events_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/libioc/go-libioc/events"
)

// start stands for a long operation such as the start of a jail: it returns the
// channel at once and works in a goroutine of its own.
func start(jail string, attach error) <-chan events.IocEvent {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	op := events.NewOperation(events.Options{
		Room:  4, // two spans
		Scope: "start-1",
		Clock: func() time.Time { return now },
	})
	go func() {
		start := op.Begin(events.JailStart{Jail: jail})
		step := start.Begin(events.JailAttach{Jail: jail})
		if attach != nil {
			step.Fail(attach, "")
			err := fmt.Errorf("start %s: %w", jail, attach)
			start.Fail(err, "")
			op.Close(err)
			return
		}
		step.DoneWith(events.JailAttach{Jail: jail, JID: 5})
		start.Done("")
		op.Close(nil)
	}()
	return op.Events()
}

// A type switch takes the events of interest and what they carry.
func Example() {
	for e := range start("web", nil) {
		switch e := e.(type) {
		case events.JailAttach:
			if e.State == events.Done {
				fmt.Println("jail", e.Jail, "has the jid", e.JID)
			}
		case events.HookEvent:
			fmt.Println("hook", e.Hook(), "answered", e.Result().ExitCode)
		default:
			fmt.Println(events.Line(e))
		}
	}
	// Output:
	// [-] JailStart@web: ...
	// jail web has the jid 5
	// [+] JailStart@web: OK [0.000s]
}

// Collect is for those who want the outcome: its error is the operation's own.
func ExampleCollect() {
	all, err := events.Collect(context.Background(), start("web", fs.ErrPermission))
	fmt.Println(len(all), "events:", err)
	fmt.Println(errors.Is(err, fs.ErrPermission))
	// Output:
	// 4 events: start web: permission denied
	// true
}

// Events as JSON, and back.
func ExampleMarshal() {
	for e := range start("web", nil) {
		if e.Head().State == events.Pending {
			continue
		}
		data, err := events.Marshal(e)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(string(data))
		back, err := events.Unmarshal(data)
		fmt.Println(back == e, err)
	}
	// Output:
	// {"type":"JailAttach","id":2,"parent":1,"depth":1,"scope":"start-1","state":"done","subject":"web","message":"","error":null,"started":"2026-01-02T03:04:05Z","duration":0,"merged":0,"payload":{"jail":"web","jid":5}}
	// true <nil>
	// {"type":"JailStart","id":1,"parent":0,"depth":0,"scope":"start-1","state":"done","subject":"web","message":"","error":null,"started":"2026-01-02T03:04:05Z","duration":0,"merged":0,"payload":{"jail":"web"}}
	// true <nil>
}

// Each node is one step, with its newest event and the steps within.
func ExampleTree() {
	all, _ := events.Collect(context.Background(), start("web", nil))
	var show func([]*events.Node)
	show = func(nodes []*events.Node) {
		for _, n := range nodes {
			fmt.Println(strings.Repeat("  ", n.Event.Head().Depth) + events.Line(n.Event))
			show(n.Children)
		}
	}
	show(events.Tree(all))
	// Output:
	// [+] JailStart@web: OK [0.000s]
	//   [+] JailAttach@web: OK [0.000s]
}

// Progress may be merged: the reader sees the newest and how many it replaced.
func ExampleSpan_Progress() {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	op := events.NewOperation(events.Options{Room: 2, Clock: func() time.Time { return noon }})
	asset := events.ReleaseAssetDownload{Release: "14.2-RELEASE", Asset: "base.txz", Total: 3000}
	s := op.Begin(asset)
	for asset.Received < asset.Total {
		asset.Received += 1000
		s.Progress(asset) // within Options.Sample of each other
	}
	s.Done("")
	op.Close(nil)
	for e := range op.Events() {
		d := e.(events.ReleaseAssetDownload)
		fmt.Println(d.State, d.Received, "of", d.Total, "merged", d.Merged)
	}
	// Output:
	// pending 0 of 3000 merged 0
	// pending 1000 of 3000 merged 0
	// done 3000 of 3000 merged 2
}
