package jail_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/host/simhost"
	"github.com/libioc/go-libioc/internal/hosttest"
	"github.com/libioc/go-libioc/jail"
)

// chaosDir tells the child process of TestChaos which host to work on, and
// chaosLedger the ledger of the administrator who works on it too, if one does.
const chaosDir, chaosSeed, chaosLedger = "JAIL_CHAOS_DIR", "JAIL_CHAOS_SEED", "JAIL_CHAOS_LEDGER"

// chaosJails is how many jails the processes work on.
const chaosJails = 4

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
	expected := isExpected
	if ledger := os.Getenv(chaosLedger); ledger != "" {
		expected = isExpectedByHand
		hand := newHand(t, h, ledger, chaosJails)
		go workByHand(context.Background(), hand, rand.New(rand.NewPCG(seed, 99)), func(what string, err error) {
			fmt.Println(doneByHand + what)
			if err != nil {
				fmt.Printf("unexpected: by hand: %s: %v\n", what, err)
			}
		})
	}
	var group sync.WaitGroup
	for g := range 2 {
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			for range 2000 { // far more than it lives for
				fmt.Println(begun)
				what, err := act(context.Background(), h, chaosJails, r)
				if !expected(err) {
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
	runChaos(t, func(string) string { return "" })
}

// TestChaosByHand is TestChaos while an administrator works on the same jails with
// zfs(8), jail(8) and umount(8), and goes on after each kill, before Recover.
// Nothing of his own may be lost or changed.
// At 4f8059c a journal destroyed whatever had the name of its jail by then, and an
// undo renamed, rolled back and unmounted by name.
func TestChaosByHand(t *testing.T) {
	runChaos(t, func(dir string) string { return filepath.Join(dir, "ledger") })
}

func runChaos(t *testing.T, ledger func(dir string) string) {
	t.Helper()
	kills := 500
	if brief() {
		kills = 50
	}
	seed := randomSeed(t)
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
			c := chaos{dir: dir, ledger: ledger(dir), seed: seed, r: rand.New(rand.NewPCG(seed, uint64(n)))}
			recovered, round := 0, 0
			// On a slow machine a few kills may all come while operations are planned.
			for ; round < kills/hosts || recovered == 0 && round < 10*kills/hosts; round++ {
				recovered += c.round(t, round)
			}
			require.NotZero(t, recovered, "no kill has hit an operation; repeat with %s=%d", chaosSeed, seed)
			t.Logf("%d kills, %d interrupted operations, %d acts by hand", round, recovered, c.acts)
		})
	}
}

// randomSeed returns the seed that the environment gives, or a new one.
func randomSeed(t *testing.T) uint64 {
	t.Helper()
	s := os.Getenv(chaosSeed)
	if s == "" {
		return uint64(time.Now().UnixNano())
	}
	seed, err := strconv.ParseUint(s, 10, 64)
	require.NoError(t, err)
	return seed
}

// chaos is one host whose processes are killed.
type chaos struct {
	dir, ledger string
	seed        uint64
	r           *rand.Rand
	acts        int // by hand
}

// round is one kill. It returns how many operations were interrupted.
func (c *chaos) round(t *testing.T, round int) (interrupted int) {
	t.Helper()
	life := c.r.Uint64()
	what := fmt.Sprintf("round %d; repeat with %s=%d", round, chaosSeed, c.seed)
	said := c.kill(t, life, 1+c.r.IntN(30), time.Duration(c.r.IntN(5_000))*time.Microsecond)
	for line := range strings.Lines(said) {
		require.NotContains(t, line, "unexpected", what)
	}
	c.acts += strings.Count(said, doneByHand)
	ctx := context.Background()
	h, err := simhost.New(c.dir)
	require.NoError(t, err, what)
	defer func() { require.NoError(t, h.Close()) }()
	if c.r.IntN(4) == 0 {
		require.NoError(t, h.Reboot(), what)
	}
	journals, err := filepath.Glob(h.JournalPath("ioc", "jail", "*"))
	require.NoError(t, err, what)
	for _, path := range journals {
		data, err := os.ReadFile(path)
		require.NoError(t, err, what)
		what += "\n" + path + ": " + string(data)
	}
	if c.ledger != "" {
		hand := newHand(t, h, c.ledger, chaosJails)
		for range c.r.IntN(8) {
			done, err := hand.Do(ctx, hosttest.DrawAct(c.r))
			require.NoError(t, err, what)
			what += "\n" + done
			c.acts++
		}
		require.Empty(t, strings.Join(hosttest.Recover(context.Background(), h.Host, simSource, hand), "\n"), what)
		return len(journals)
	}
	_, err = jail.Recover(ctx, h.Host)
	if errors.Is(err, jail.ErrChanged) { // the rollback may have been done
		_, err = jail.Recover(ctx, h.Host)
	}
	require.NoError(t, err, what)
	require.Empty(t, strings.Join(invariants(h), "\n"), what)
	return len(journals)
}

// kill starts a child, kills it the delay after it has begun so many
// operations, however slow the machine is, and returns what it said.
func (c *chaos) kill(t *testing.T, seed uint64, operations int, delay time.Duration) string {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestChaosChild$", "-test.v")
	child.Env = append(os.Environ(), chaosDir+"="+c.dir, chaosLedger+"="+c.ledger, fmt.Sprintf("%s=%d", chaosSeed, seed))
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
