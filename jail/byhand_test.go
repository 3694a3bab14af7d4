package jail_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/hosttest"
	"github.com/libioc/go-libioc/jail"
)

// doneByHand begins the line that a child prints after each act of the administrator.
const doneByHand = "by hand: "

// newHand returns an administrator who works on the jails j0, j1, ...
func newHand(t testing.TB, h *simhost.Host, ledger string, jails int) *hosttest.Hand {
	t.Helper()
	var names []string
	for n := range jails {
		names = append(names, fmt.Sprintf("j%d", n))
	}
	hand, err := hosttest.NewHand(context.Background(), h.Host, simSource, simhost.Pool+"/byhand", ledger, names...)
	require.NoError(t, err)
	return hand
}

// workByHand lets the administrator work until the context ends, and calls tell
// after each act.
func workByHand(ctx context.Context, hand *hosttest.Hand, r *rand.Rand, tell func(what string, err error)) {
	for ctx.Err() == nil {
		tell(hand.Do(context.WithoutCancel(ctx), hosttest.DrawAct(r)))
		time.Sleep(time.Duration(r.IntN(3_000)) * time.Microsecond)
	}
}

// recoverByHand recovers a host that somebody has changed by hand, and returns what
// is wrong. Nothing of his own is lost, by the first Recover or by the one after he
// put right what he had broken. A Recover that fails names the file that it could
// not clear; it succeeds once he has taken away what is in its way.
func recoverByHand(h *simhost.Host, hand *hosttest.Hand) (wrong []string) {
	ctx := context.Background()
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
	intact("before Recover")
	_, err := jail.Recover(ctx, h.Host)
	intact("by Recover")
	if err != nil {
		if !strings.Contains(err.Error(), h.JournalDir("ioc", "")) {
			check("names no file", err)
		}
		check("give way", hand.GiveWay(ctx))
		_, err = jail.Recover(ctx, h.Host)
		check("Recover with nothing in its way", err)
	}
	check("tidy", hand.Tidy(ctx))
	_, err = jail.Recover(ctx, h.Host)
	check("Recover after all was put right", err)
	intact("by the last Recover")
	return append(wrong, hosttest.Check(ctx, h.Host, simSource, hosttest.Options{Foreign: hand.Foreign, ForeignJail: hand.ForeignJail})...)
}
