package events

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
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
