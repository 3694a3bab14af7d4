package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/libioc/go-libioc/zfsstore"
)

// TestMain lets the test binary be the worker that it starts.
func TestMain(m *testing.M) {
	for _, arg := range os.Args[1:] {
		if arg == "-worker" {
			main()
			return
		}
	}
	os.Exit(m.Run())
}

// TestTorture runs a few seconds of torture on a simulated host.
func TestTorture(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	o := options{duration: 15 * time.Second}
	if testing.Short() {
		o.duration = 2 * time.Second
	}
	var out bytes.Buffer
	wrong, err := torture(t.Context(), &out, o)
	require.NoError(t, err, out.String())
	require.Zero(t, wrong, out.String())
	sum := regexp.MustCompile(`(\d+) rounds, (\d+) kills of (\d+) operations`).FindStringSubmatch(out.String())
	require.NotNil(t, sum, out.String())
	for _, number := range sum[1:] {
		n, err := strconv.Atoi(number)
		require.NoError(t, err)
		require.NotZero(t, n, out.String())
	}
	t.Log(sum[0])
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left, "files are left behind")
}

// TestSeed: a seed gives the same rounds and operations.
func TestSeed(t *testing.T) {
	draw := func(seed uint64) (all []any) {
		r := rand.New(rand.NewPCG(seed, 0))
		for range 50 {
			all = append(all, drawRound(r), drawOperation(r))
		}
		return all
	}
	require.Equal(t, draw(7), draw(7))
	require.NotEqual(t, draw(7), draw(8))
}

// TestSeedRepeatsOrder: two runs with one seed print the same rounds, and each of their
// programs and administrators does the same in the same order, until it is killed.
func TestSeedRepeatsOrder(t *testing.T) {
	run := func() (rounds []string, streams map[string][]string) {
		var out bytes.Buffer
		o := options{seed: 7, duration: time.Hour, rounds: 3, dir: t.TempDir(), verbose: true}
		wrong, err := torture(t.Context(), &out, o)
		require.NoError(t, err, out.String())
		require.Zero(t, wrong, out.String())
		return order(out.String())
	}
	rounds, streams := run()
	again, others := run()
	require.Len(t, rounds, 3)
	require.Equal(t, rounds, again)
	compared := 0
	for name, one := range streams {
		n := min(len(one), len(others[name]))
		require.Equal(t, one[:n], others[name][:n], name)
		compared += n
	}
	require.Greater(t, compared, 10)
}

// order returns the lines that say what a round is, and by round and actor what each did
// before the kill.
func order(out string) (rounds []string, streams map[string][]string) {
	streams = map[string][]string{}
	program := regexp.MustCompile(`^begun (\d+): (.*)`)
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(strings.TrimSuffix(line, ", refused\n"))
		round := fmt.Sprintf("round %d ", len(rounds))
		if strings.HasPrefix(line, "round ") && strings.Contains(line, " is [") {
			rounds = append(rounds, line)
		} else if found := program.FindStringSubmatch(line); found != nil {
			streams[round+found[1]] = append(streams[round+found[1]], found[2])
		} else if act, ok := strings.CutPrefix(line, doneByHand); ok {
			streams[round+doneByHand] = append(streams[round+doneByHand], act)
		}
	}
	return rounds, streams
}

// TestOperationsSucceed: of the operations of a run some succeed, so that there is
// something to interrupt.
func TestOperationsSucceed(t *testing.T) {
	var out bytes.Buffer
	o := options{seed: 3, duration: time.Hour, rounds: 4, dir: t.TempDir(), verbose: true}
	wrong, err := torture(t.Context(), &out, o)
	require.NoError(t, err, out.String())
	require.Zero(t, wrong, out.String())
	require.NotEmpty(t, regexp.MustCompile(`(?m)^  ended .*: <nil>$`).FindAllString(out.String(), -1), out.String())
}

// TestUnreadable: which files have to be set aside.
func TestUnreadable(t *testing.T) {
	for _, c := range []struct {
		path, data string
		unreadable bool
	}{
		{"t0.journal", `{"version":1,"plan":{"steps":[{"kind":"clone"}]}}` + "\n", false},
		{"t0.journal", `{"version":1,"plan":{"steps":[{"kind":"clone"}]}}` + "\n{\"st", false},
		{"t0.journal", `{"version":99,"plan":{"steps":[]}}` + "\n", true},
		{"t0.journal", `{"version":1,"plan":{"steps":[{"kind":"newer clone"}]}}` + "\n", true},
		{"t0.journal", `{"version":99,"pl`, false},
		{"t0.journal", "", false},
		{"t0.journal", "garbage", true},
		{"t0.json", "", true},
		{"t0.json", "{}\n", false},
		{"t0.json", `{"boot":`, true},
	} {
		require.Equal(t, c.unreadable, unreadable(c.path, c.data), "%s: %q", c.path, c.data)
	}
}

// TestDamageIsFound: a journal that was damaged and is simply gone is a finding.
func TestDamageIsFound(t *testing.T) {
	o := options{dir: t.TempDir()}
	m, err := o.open(t.Context())
	require.NoError(t, err)
	defer m.close()
	path := m.JournalPath("ioc", "jail", "t0")
	require.NoError(t, os.MkdirAll(m.JournalDir("ioc", "jail"), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(`{"version":1}`), 0o600))
	for kind := range damages {
		if damages[kind].name != "garbage" {
			continue
		}
		done, ok, err := damage{kind: kind}.do(m, t.TempDir())
		require.NoError(t, err)
		require.True(t, ok)
		require.NoError(t, os.Remove(path))
		wrong, err := notAside(m, []damaged{done})
		require.NoError(t, err)
		require.Equal(t, []string{"garbage jail/t0.journal: was not set aside"}, wrong)
		require.NoError(t, os.WriteFile(m.JournalDir("ioc", "jail")+"/t0.bad", nil, 0o600))
		wrong, err = notAside(m, []damaged{done})
		require.NoError(t, err)
		require.Empty(t, wrong)
		require.NoFileExists(t, m.JournalDir("ioc", "jail")+"/t0.bad")
	}
}

// TestHalfWayRename: a dataset that a killed rename had left at the name made of its guid has
// the name of a jail again after Recover, and torture took it for lost; one that is gone is
// lost all the same.
func TestHalfWayRename(t *testing.T) {
	ctx := t.Context()
	m, err := options{dir: t.TempDir()}.open(ctx)
	require.NoError(t, err)
	defer m.close()
	name := m.source.Jails() + "/t9"
	require.NoError(t, m.Store.Create(ctx, name, zfsstore.CreateOptions{Parents: true}))
	d, err := m.Store.Get(ctx, name, zfsstore.GetOptions{})
	require.NoError(t, err)
	halfWay := fmt.Sprintf("%s/.%d", m.source.Jails(), d.GUID)
	require.Empty(t, bystanders{halfWay: d.GUID, name: d.GUID}.missing(ctx, m))
	require.Len(t, bystanders{m.source.Jails() + "/t8": d.GUID}.missing(ctx, m), 1, "another name")
	require.NoError(t, m.Store.Destroy(ctx, name, zfsstore.DestroyOptions{}))
	require.Len(t, bystanders{halfWay: d.GUID}.missing(ctx, m), 1)
}

// TestOverwriteOnFullDisk: torture itself does not fail because the state directory is full.
func TestOverwriteOnFullDisk(t *testing.T) {
	const full = "/dev/full"
	if _, err := os.Stat(full); err != nil {
		t.Skip("needs full(4): ", err)
	}
	written, err := overwrite(full, "garbage")
	require.NoError(t, err)
	require.False(t, written)
	written, err = overwrite(t.TempDir()+"/t0.journal", "garbage")
	require.NoError(t, err)
	require.True(t, written)
}
