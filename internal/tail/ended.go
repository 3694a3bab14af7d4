package tail

import (
	"fmt"
	"strings"
)

// Ended returns how a command ended: why it could not run, the signal that killed
// it, or else its exit status, and then what it wrote.
func Ended(err error, signal, status int, output string) string {
	text := fmt.Sprintf("exit status %d", status)
	switch {
	case err != nil:
		text = err.Error()
	case signal != 0:
		text = fmt.Sprintf("killed by signal %d", signal)
	}
	if out := strings.TrimSpace(output); out != "" {
		text += ": " + out
	}
	return text
}
