package events

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Line returns e as libioc's command line shows it, without indentation (see
// Header.Depth) and line break:
//
//	[-] JailStart@web: ...
//	[+] JailStart@web: OK [1.234s]
//	[+] MountFdescfs@web: disabled [0.000s]
//	[-] JailAttach@web: FAILED: operation not permitted [0.002s]
//
// A plus means that the span succeeded or was skipped. After the subject comes
// the message; without one "...", OK, SKIPPED, or FAILED with the error. The
// duration is that of ended spans. Characters that are not printable, as
// messages from within a jail may hold, are escaped as in Go strings.
//
// What a hook or command has printed follows, its last lines if it is much.
func Line(e IocEvent) string {
	text := e.Head().line(TypeOf(e))
	if said := printable(printed(e)); !strings.Contains(text, said) { // an error can have it
		text += ": " + said
	}
	return text
}

// maxPrinted is how much of a command's output, in bytes, is in a line.
const maxPrinted = 400

// printed is the output of a hook that has ended, or that just arrived.
func printed(e IocEvent) string {
	text := ""
	switch e := e.(type) {
	case JailHookOutput:
		text = e.Data
	case HookEvent:
		if e.Head().State.Final() {
			r := e.Result()
			text = strings.TrimSpace(r.Stdout) + "\n" + strings.TrimSpace(r.Stderr)
		}
	}
	text = strings.TrimSpace(text)
	if len(text) > maxPrinted {
		text = "..." + strings.ToValidUTF8(text[len(text)-maxPrinted:], "")
	}
	return text
}

func (h Header) line(typ string) string {
	var b strings.Builder
	if h.State == Done || h.State == Skipped {
		b.WriteString("[+] ")
	} else {
		b.WriteString("[-] ")
	}
	b.WriteString(typ)
	if h.Subject != "" {
		b.WriteString("@" + printable(h.Subject))
	}
	b.WriteString(": ")
	switch {
	case h.Message != "":
		b.WriteString(printable(h.Message))
	case h.State == Done:
		b.WriteString("OK")
	case h.State == Skipped:
		b.WriteString("SKIPPED")
	case h.State == Failed && h.Err != nil:
		b.WriteString("FAILED: " + printable(h.Err.Error()))
	case h.State == Failed:
		b.WriteString("FAILED")
	default:
		b.WriteString("...")
	}
	if h.State.Final() {
		fmt.Fprintf(&b, " [%.3fs]", h.Duration.Seconds())
	}
	return b.String()
}

// printable escapes what could break the line or steer a terminal.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		q := strconv.QuoteRune(r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}
