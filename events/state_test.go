package events

import (
	"encoding/json"
	"testing"
)

func TestStateText(t *testing.T) {
	for s, want := range map[State]string{Pending: "pending", Done: "done", Skipped: "skipped", Failed: "failed"} {
		text, err := s.MarshalText()
		if err != nil || string(text) != want || s.String() != want {
			t.Errorf("%d: %q, %v, %q, want %q", s, text, err, s, want)
		}
		var back State
		if err := json.Unmarshal([]byte(`"`+want+`"`), &back); err != nil || back != s {
			t.Errorf("%q: %v, %v", want, back, err)
		}
		if s.Final() != (s != Pending) {
			t.Errorf("%v: Final() = %v", s, s.Final())
		}
	}
	if _, err := State(4).MarshalText(); err == nil || State(4).String() != "State(4)" {
		t.Errorf("State(4): %v, %q", err, State(4))
	}
	for _, bad := range []string{"", "Done", "done ", "ok"} {
		if s := Skipped; s.UnmarshalText([]byte(bad)) == nil || s != Skipped {
			t.Errorf("%q was taken, state %v", bad, s)
		}
	}
}
