package hosttest

import (
	"context"
	"fmt"
	"strings"

	"github.com/libioc/go-libioc/host"
	"github.com/libioc/go-libioc/jail"
)

// Recover recovers a host that was also changed by hand, and returns what is wrong
// then, one sentence each. Nothing of the hand's own is lost, neither by the first
// [jail.Recover] nor by the one after the hand has put right what it had broken. One
// that fails names the file in the state directory that it could not clear; the next
// one succeeds, or at last the one after the hand has taken away what is in its way.
func Recover(ctx context.Context, h *host.Host, source host.Source, hand *Hand) (wrong []string) {
	check := func(what string, err error) {
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", what, err))
		}
	}
	intact := func(when string) {
		lost, err := hand.Lost(ctx)
		check(when, err)
		for _, l := range lost {
			wrong = append(wrong, when+": "+l)
		}
	}
	again := func() error {
		_, err := jail.Recover(ctx, h)
		return err
	}
	intact("before Recover")
	err := again()
	intact("by Recover")
	if err != nil && !strings.Contains(err.Error(), h.JournalDir(source.Name, "")) {
		check("Recover names no file", err)
	}
	if err != nil && again() != nil {
		check("give way", hand.GiveWay(ctx))
		check("Recover with nothing in its way", again())
	}
	check("tidy", hand.Tidy(ctx))
	check("Recover after all was put right", again())
	intact("by the last Recover")
	return append(wrong, Check(ctx, h, source, Options{Foreign: hand.Foreign, ForeignJail: hand.ForeignJail})...)
}
