package jail_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/hosttest"
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
