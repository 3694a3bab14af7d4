package jail_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/jail"
)

// chaosDir tells the child process of TestChaos which host to work on.
const chaosDir, chaosSeed = "JAIL_CHAOS_DIR", "JAIL_CHAOS_SEED"

// begun is the line that the child prints before each operation.
const begun = "begun"

// TestChaosChild is no test of its own: it is the process that TestChaos kills.
func TestChaosChild(t *testing.T) {
	dir := os.Getenv(chaosDir)
	if dir == "" {
		t.Skip("runs as the child of TestChaos")
	}
	seed, err := strconv.ParseUint(os.Getenv(chaosSeed), 10, 64)
	require.NoError(t, err)
	h, err := simhost.New(dir)
	require.NoError(t, err)
	var group sync.WaitGroup
	for g := range 2 {
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			for range 2000 { // far more than it lives for
				fmt.Println(begun)
				what, err := act(context.Background(), h, 4, r)
				if !isExpected(err) {
					fmt.Printf("unexpected: %s: %v\n", what, err)
				}
			}
		})
	}
	group.Wait()
}

// TestChaos kills a process that works on jails, at a random moment, 500 times.
// Each time the next one finds every journal, lock and half-made thing, and
// Recover makes the host whole. Every fourth time the machine reboots as well.
func TestChaos(t *testing.T) {
	kills := 500
	if brief() {
		kills = 50
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv(chaosSeed); s != "" {
		var err error
		seed, err = strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
	}
	const hosts = 2
	for n := range hosts {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			dir := memoryDir(t)
			h, err := simhost.New(dir)
			require.NoError(t, err)
			fetch(t, h)
			fewBases(t, h)
			require.NoError(t, h.Close())
			r := rand.New(rand.NewPCG(seed, uint64(n)))
			recovered := 0
			for round := range kills / hosts {
				recovered += chaosRound(t, dir, seed, round, r)
			}
			require.NotZero(t, recovered, "no kill has hit an operation")
			t.Logf("%d kills, %d interrupted operations", kills/hosts, recovered)
		})
	}
}

// chaosRound is one kill. It returns how many operations were interrupted.
func chaosRound(t *testing.T, dir string, seed uint64, round int, r *rand.Rand) (interrupted int) {
	t.Helper()
	life := r.Uint64()
	what := fmt.Sprintf("round %d; repeat with %s=%d", round, chaosSeed, seed)
	said := chaosKill(t, dir, life, 1+r.IntN(30), time.Duration(r.IntN(5_000))*time.Microsecond)
	require.NotContains(t, said, "unexpected", what)
	ctx := context.Background()
	h, err := simhost.New(dir)
	require.NoError(t, err, what)
	defer func() { require.NoError(t, h.Close()) }()
	if r.IntN(4) == 0 {
		require.NoError(t, h.Reboot(), what)
	}
	journals, _ := os.ReadDir(h.JournalDir("ioc", "jail"))
	_, err = jail.Recover(ctx, h.Host)
	require.NoError(t, err, what)
	require.Empty(t, strings.Join(invariants(h), "\n"), what)
	return len(journals)
}

// chaosKill starts a child, kills it the delay after it has begun so many
// operations, however slow the machine is, and returns what it said.
func chaosKill(t *testing.T, dir string, seed uint64, operations int, delay time.Duration) string {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestChaosChild$", "-test.v")
	child.Env = append(os.Environ(), chaosDir+"="+dir, fmt.Sprintf("%s=%d", chaosSeed, seed))
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	child.Stderr = child.Stdout
	require.NoError(t, child.Start())
	var said strings.Builder
	lines := bufio.NewScanner(out)
	for operations > 0 && lines.Scan() {
		if lines.Text() == begun {
			operations--
		}
		said.WriteString(lines.Text() + "\n")
	}
	time.AfterFunc(delay, func() { _ = child.Process.Kill() })
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
	}
	_ = child.Wait() // killed
	require.Zero(t, operations, said.String())
	return said.String()
}
