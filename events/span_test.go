package events

import (
	"strings"
	"testing"
	"time"
)

func TestProgressIsSampled(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	op := NewOperation(Options{Room: 2, Sample: 100 * time.Millisecond, Clock: func() time.Time { return now }})
	s := op.Begin(ReleaseAssetDownload{Release: "14.2-RELEASE", Asset: "base.txz", Total: 1000})
	for i := range 25 { // every 10 ms
		s.Progress(ReleaseAssetDownload{Header: Header{Message: "downloading"}, Release: "14.2-RELEASE", Asset: "base.txz", Received: int64(i), Total: 1000})
		now = now.Add(10 * time.Millisecond)
	}
	s.Done("")
	op.Close(nil)
	type row struct {
		state    State
		received int64
		merged   int
		duration time.Duration
		message  string
	}
	want := []row{
		{Pending, 0, 0, 0, ""},
		{Pending, 0, 0, 0, "downloading"},
		{Pending, 10, 9, 100 * time.Millisecond, "downloading"},
		{Pending, 20, 9, 200 * time.Millisecond, "downloading"},
		{Done, 24, 4, 250 * time.Millisecond, ""},
	}
	all := drain(t, op)
	if len(all) != len(want) {
		t.Fatalf("%d events: %q", len(all), lines(all))
	}
	for i, e := range all {
		d := e.(ReleaseAssetDownload)
		if got := (row{d.State, d.Received, d.Merged, d.Duration, d.Message}); got != want[i] {
			t.Errorf("event %d: got %+v, want %+v", i, got, want[i])
		}
	}
}

// Output finds a full channel, is joined per stream and comes with the end.
func TestOutputIsMerged(t *testing.T) {
	op := NewOperation(Options{Room: 2, Slack: 1, Sample: -1})
	s := op.Begin(JailHookStart{Jail: "web"})
	out := func(stream, data string) {
		s.Progress(JailHookOutput{Jail: "web", Hook: "start", Stream: stream, Data: data})
	}
	out("stdout", "1\n") // takes the slack
	out("stdout", "2\n")
	out("stderr", "oops\n")
	out("stdout", "3\n")
	<-op.Events() // the reader takes the pending event
	<-op.Events() // and the first line
	out("stdout", "4\n")
	s.DoneWith(JailHookStart{Jail: "web", Stdout: "1\n2\n3\n4\n", Stderr: "oops\n"})
	op.Close(nil)

	all := drain(t, op)
	checkHead := func(e IocEvent, merged int) {
		t.Helper()
		h := e.Head()
		if h.Parent != 1 || h.Depth != 1 || h.State != Done || h.Merged != merged || h.Subject != "web" {
			t.Errorf("header %+v", h)
		}
	}
	if len(all) != 3 {
		t.Fatalf("%q", lines(all))
	}
	first, second := all[0].(JailHookOutput), all[1].(JailHookOutput)
	checkHead(first, 2)
	checkHead(second, 0)
	if first.Data != "2\n3\n4\n" || first.Stream != "stdout" || second.Data != "oops\n" || second.Stream != "stderr" {
		t.Errorf("got %+v and %+v", first, second)
	}
	if end := all[2].(JailHookStart); end.Merged != 0 || end.Stdout != "1\n2\n3\n4\n" {
		t.Errorf("got %+v", end)
	}
}

func TestMergedOutputIsBounded(t *testing.T) {
	op := NewOperation(Options{Room: 2, Slack: 1, Sample: -1})
	s := op.Begin(JailHookStart{})
	for _, data := range []string{"sent", strings.Repeat("a", 3000), strings.Repeat("b", 3000), strings.Repeat("c", 5000), "d"} {
		s.Progress(JailHookOutput{Data: data})
	}
	<-op.Events()
	<-op.Events()
	s.Progress(JailHookOutput{Data: "e"})
	o := (<-op.Events()).(JailHookOutput)
	if want := strings.Repeat("c", maxMergedOutput-2) + "de"; o.Data != want {
		t.Errorf("%d bytes, want %d", len(o.Data), len(want))
	}
	if want := int64(11002 - maxMergedOutput); o.Lost != want || o.Merged != 4 {
		t.Errorf("%d lost, %d merged; want %d, 4", o.Lost, o.Merged, want)
	}
}

// Nobody reads and there is no slack: the final event counts what is missing.
func TestFinalEventCountsWhatFoundNoRoom(t *testing.T) {
	op := NewOperation(Options{Room: 2, Slack: -1, Sample: -1})
	s := op.Begin(JailHookStart{})
	for i := range 5 {
		s.Progress(JailHookOutput{Stream: "stdout"})
		s.Progress(JailHookOutput{Stream: "stderr"})
		s.Progress(JailHookStart{ExitCode: i})
	}
	s.Fail(errBoom, "")
	op.Close(errBoom)
	all := drain(t, op)
	wantLines(t, all, "1<0 JailHookStart@ pending", "1<0 JailHookStart@ failed")
	if end := all[1].(JailHookStart); end.Merged != 15 || end.ExitCode != 4 {
		t.Errorf("got %+v", end)
	}
}
