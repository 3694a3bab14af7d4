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

// workByHand lets the administrator work until the process ends.
func workByHand(h *simhost.Host, hand *hosttest.Hand, r *rand.Rand, tell func(what string, err error)) {
	for {
		what, err := hand.Do(context.Background(), hosttest.DrawAct(r))
		fmt.Println(doneByHand + what)
		tell(what, err)
		time.Sleep(time.Duration(r.IntN(3_000)) * time.Microsecond)
	}
}

// recoverByHand recovers a host that somebody has changed by hand. Nothing of his
// own is lost, by the first Recover or by the one after he put right what he had
// broken. A Recover that fails names the file that it could not clear; it succeeds
// once he has taken away what is in its way.
func recoverByHand(t testing.TB, h *simhost.Host, hand *hosttest.Hand, what string) {
	t.Helper()
	ctx := context.Background()
	intact := func() {
		lost, err := hand.Lost(ctx)
		require.NoError(t, err, what)
		require.Empty(t, strings.Join(lost, "\n"), what)
	}
	intact()
	_, err := jail.Recover(ctx, h.Host)
	intact()
	if err != nil {
		require.Contains(t, err.Error(), h.JournalDir("ioc", ""), "%s: a Recover that fails names the file", what)
		require.NoError(t, hand.GiveWay(ctx), what)
		_, err = jail.Recover(ctx, h.Host)
		require.NoError(t, err, what)
	}
	require.NoError(t, hand.Tidy(ctx), what)
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err, what)
	intact()
	wrong := hosttest.Check(ctx, h.Host, simSource, hosttest.Options{Foreign: hand.Foreign, ForeignJail: hand.ForeignJail})
	require.Empty(t, strings.Join(wrong, "\n"), what)
}
