package events

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLine(t *testing.T) {
	ms := 123 * time.Millisecond
	tests := []struct {
		head Header
		want string
	}{
		{Header{Subject: "web"}, "[-] JailStart@web: ..."},
		{Header{Subject: "web", Duration: ms}, "[-] JailStart@web: ..."},
		{Header{Subject: "web", Message: "starting"}, "[-] JailStart@web: starting"},
		{Header{}, "[-] JailStart: ..."},
		{Header{Subject: "web", State: Done, Duration: ms}, "[+] JailStart@web: OK [0.123s]"},
		{Header{Subject: "web", State: Done, Duration: 75 * time.Second, Message: "jid 5"}, "[+] JailStart@web: jid 5 [75.000s]"},
		{Header{Subject: "web", State: Skipped}, "[+] JailStart@web: SKIPPED [0.000s]"},
		{Header{Subject: "web", State: Skipped, Message: "disabled"}, "[+] JailStart@web: disabled [0.000s]"},
		{Header{Subject: "web", State: Failed, Err: errors.New("no\nway")}, `[-] JailStart@web: FAILED: no\nway [0.000s]`},
		{Header{Subject: "web", State: Failed, Err: errBoom, Message: "gone"}, "[-] JailStart@web: gone [0.000s]"},
		{Header{Subject: "web", State: Failed}, "[-] JailStart@web: FAILED [0.000s]"},
		{Header{Subject: "a\x1b[2J", Message: "ü\u202e\xff\r"}, `[-] JailStart@a\x1b[2J: ü\u202e` + "\ufffd" + `\r`},
	}
	for _, tt := range tests {
		if got := Line(JailStart{Header: tt.head}); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// TestLineOfAHook: what a hook has printed was not in its line, so that nobody saw why it
// had failed.
func TestLineOfAHook(t *testing.T) {
	failed := Header{Subject: "web", State: Failed, Err: errors.New("exit status 1")}
	for _, tt := range []struct {
		event IocEvent
		want  string
	}{
		{JailHookStart{Header: failed, Stdout: "Starting a.\n", Stderr: "a: no such file\n"},
			`[-] JailHookStart@web: FAILED: exit status 1 [0.000s]: Starting a.\na: no such file`},
		{JailHookStart{Header: Header{Subject: "web", State: Done}}, "[+] JailHookStart@web: OK [0.000s]"},
		{JailHookStart{Header: Header{Subject: "web"}, Stdout: "not yet"}, "[-] JailHookStart@web: ..."},
		{JailCommand{Header: Header{Subject: "web", State: Done}, Stdout: strings.Repeat("x", 399) + "ü" + strings.Repeat("y", 399)},
			"[+] JailCommand@web: OK [0.000s]: ..." + strings.Repeat("y", 399)},
		{JailHookOutput{Header: Header{Subject: "web"}, Hook: "start", Stream: "stdout", Data: "Starting \x1b[2J b.\n"},
			`[-] JailHookOutput@web: ...: Starting \x1b[2J b.`},
	} {
		require.Equal(t, tt.want, Line(tt.event))
	}
}

// An event prints itself: with fmt, and with each handler of slog.
func TestEventsPrintThemselves(t *testing.T) {
	for i, e := range catalogue() {
		e := filled(t, e, i)
		require.Equal(t, Line(e), fmt.Sprint(e))
		require.Equal(t, Line(e), fmt.Sprintf("%+v", e))
		var text, jsonText bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("step", "event", e)
		require.Contains(t, text.String(), "event="+strconv.Quote(Line(e)))
		slog.New(slog.NewJSONHandler(&jsonText, nil)).Info("step", "event", e)
		data, err := Marshal(e)
		require.NoError(t, err)
		require.Contains(t, jsonText.String(), `"event":`+string(data))
	}
	h := Header{Subject: "web", State: Done, Duration: time.Second}
	require.Equal(t, "[+] @web: OK [1.000s]", fmt.Sprint(h))
}
