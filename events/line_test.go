package events

import (
	"errors"
	"testing"
	"time"
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
